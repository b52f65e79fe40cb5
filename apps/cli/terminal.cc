#include "apps/cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace sardonyx::cli {
namespace {

// Characters of UTF-8 text, each taken as one column.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

bool is_number(const std::string& cell) {
  return cell.empty() || std::isdigit(static_cast<unsigned char>(cell[0])) ||
         ((cell[0] == '-' || cell[0] == '<') && cell.size() < 12);
}

std::string cut(const std::string& text, size_t limit) {
  if (limit == 0 || text.size() <= limit) return text;
  const size_t tail = (limit - 3) / 2;
  return text.substr(0, limit - 3 - tail) + "..." + text.substr(text.size() - tail);
}

std::string padded(const std::string& cell, size_t width, bool right) {
  const std::string space(width - std::min(width, width_of(cell)), ' ');
  return right ? space + cell : cell + space;
}

bool stdout_is_styled() { return isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr; }

}  // namespace

void Table::limit(size_t column, size_t width) {
  limits_.resize(std::max(limits_.size(), column + 1), 0);
  limits_[column] = width;
}

std::string Table::text() const {
  std::vector<size_t> widths(head_.size());
  std::vector<bool> right(head_.size(), true);
  const auto cell_of = [&](const std::vector<std::string>& row, size_t column) {
    const std::string cell = column < row.size() ? row[column] : "";
    return cut(cell, column < limits_.size() ? limits_[column] : 0);
  };
  for (size_t column = 0; column < head_.size(); ++column) {
    widths[column] = width_of(head_[column]);
    for (const auto& row : rows_) {
      const std::string cell = cell_of(row, column);
      widths[column] = std::max(widths[column], width_of(cell));
      if (!is_number(cell)) right[column] = false;
    }
  }
  const auto line_of = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t column = 0; column < head_.size(); ++column) {
      if (column > 0) line += "  ";
      line += padded(cell_of(row, column), widths[column], right[column]);
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
  };
  const std::string head = line_of(head_);
  std::string text = stdout_is_styled() ? "\033[1m" + head + "\033[0m\n" : head + "\n";
  for (const auto& row : rows_) text += line_of(row) + "\n";
  return text;
}

std::string quantity(double value, const char* unit) {
  static constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  size_t prefix = 0;
  while (std::abs(value) >= 999.5 && prefix + 1 < std::size(kPrefixes)) {
    value /= 1000;
    ++prefix;
  }
  const int decimals = prefix == 0 && value == std::floor(value) ? 0
                       : std::abs(value) >= 99.95                ? 0
                       : std::abs(value) >= 9.995                ? 1
                                                                 : 2;
  return fmt::format("{:.{}f} {}{}", value, decimals, kPrefixes[prefix], unit);
}

std::string duration(double seconds) {
  const double magnitude = std::abs(seconds);
  if (magnitude >= 1) return fmt::format("{:.3g} s", seconds);
  if (magnitude >= 1e-3) return fmt::format("{:.3g} ms", seconds * 1e3);
  return fmt::format("{:.3g} us", seconds * 1e6);
}

Progress::Progress(std::string what) : what_(std::move(what)), thread_([this] { watch(); }) {}

Progress::~Progress() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Progress::set_fraction(double fraction) {
  const std::lock_guard lock(mutex_);
  fraction_ = fraction;
}

void Progress::watch() {
  using std::chrono::steady_clock;
  const bool terminal = isatty(STDERR_FILENO) == 1;
  const auto start = steady_clock::now();
  auto next = start + std::chrono::seconds(2);
  bool shown = false;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_until(lock, next, [this] { return done_; })) {
    const double seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    std::string line = fmt::format("sardonyx: {} ({:.0f} s", what_, seconds);
    if (fraction_ >= 0) line += fmt::format(", {:.0f}%", fraction_ * 100);
    line += ")";
    fmt::print(stderr, "{}{}{}", terminal ? "\r\033[K" : "", line, terminal ? "" : "\n");
    std::fflush(stderr);
    shown = true;
    next += terminal ? std::chrono::milliseconds(200) : std::chrono::seconds(10);
  }
  if (shown && terminal) fmt::print(stderr, "\r\033[K");
}

void note(const std::string& text) { fmt::print(stderr, "sardonyx: {}\n", text); }

}  // namespace sardonyx::cli
