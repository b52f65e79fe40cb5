// What people see: aligned tables, numbers with units, and progress of anything that takes longer
// than two seconds. Entry points: Table, Progress, quantity.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sardonyx::cli {

// Columns aligned to their widest cell; columns whose cells are all numbers go to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> head) : head_(std::move(head)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Cells of a column longer than this are cut in the middle; 0: never.
  void limit(size_t column, size_t width);
  std::string text() const;
  bool empty() const { return rows_.empty(); }

 private:
  std::vector<std::string> head_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<size_t> limits_;
};

// "1.42 GFLOP", "318 MB": three digits and a decimal prefix.
std::string quantity(double value, const char* unit);
// "1.42 ms" from seconds.
std::string duration(double seconds);

// While it lives: after two seconds, says on stderr what is being done and how long it has taken;
// in place on a terminal, else as a line every ten seconds.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();
  void set_fraction(double fraction);

 private:
  void watch();

  std::string what_;
  double fraction_ = -1;
  bool done_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

// A line on stderr beginning with "sardonyx: ".
void note(const std::string& text);

}  // namespace sardonyx::cli
