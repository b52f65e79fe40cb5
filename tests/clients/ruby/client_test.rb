# What programs do with onnxruntime for Ruby: models, types, containers, metadata, options, errors.
require "minitest/autorun"
require "tmpdir"
require "onnxruntime"

OnnxRuntime.ffi_lib = ENV.fetch("LIBRARY")

class ClientTest < Minitest::Test
  A = [[1, 2], [3, 4]].freeze
  B = [[5, 6], [7, 8]].freeze
  TYPES = {
    float32: [1.5, -2, 0, 3.25, 0.5], float64: [1.5, -2, 0, 1e300, -0.5],
    int8: [1, -2, 127, -128, 0], uint8: [1, 2, 255, 128, 0], int16: [1, -2, 32_767, -32_768, 0],
    uint16: [1, 2, 65_535, 0, 1], int32: [1, -2, 2**31 - 1, -2**31, 0], uint32: [1, 2, 2**32 - 1, 0, 1],
    int64: [1, -2, 2**63 - 1, -2**63, 0], uint64: [1, 2, 2**64 - 1, 0, 1],
    bool: [true, false, true, true, false], string: ["a", "", "ünïcode ✓", "d", "e"]
  }.freeze

  def path(name)
    File.join(ENV.fetch("MODELS"), name)
  end

  def arithmetic(**options)
    OnnxRuntime::Model.new(path("arithmetic.onnx"), **options)
  end

  TYPES.each do |type, data|
    define_method(:"test_passes_#{type}") do
      model = OnnxRuntime::Model.new(path("type_#{type}.onnx"))
      assert_equal({ "output" => [data] }, model.predict({ input: [data] }))
    end
  end

  def test_predicts
    assert_equal({ "sum" => [[6, 8], [10, 12]], "product" => [[5, 12], [21, 32]] },
                 arithmetic.predict({ a: A, b: B }))
    assert_equal({ "product" => [[5, 12], [21, 32]] },
                 arithmetic.predict({ "a" => A, "b" => B }, output_names: ["product"]))
  end

  def test_describes_itself
    assert_equal [{ name: "a", type: "tensor(float)", shape: ["N", 2] },
                  { name: "b", type: "tensor(float)", shape: ["N", 2] }], arithmetic.inputs
    assert_equal ["sum", "product"], arithmetic.outputs.map { |output| output[:name] }
    metadata = arithmetic.metadata
    assert_equal({ "key" => "value" }, metadata[:custom_metadata_map])
    assert_equal "clients", metadata[:producer_name]
    assert_equal "a graph", metadata[:graph_description]
    assert_equal 7, metadata[:version]
  end

  def test_reads_sequences_and_maps
    model = OnnxRuntime::Model.new(path("containers.onnx"))
    assert_equal "seq(map(int64,tensor(float)))", model.outputs[1][:type]
    result = model.predict({ x: [[0.25, 0.75]] })
    assert_equal [[[0.25]], [[0.75]]], result["parts"]
    assert_equal [{ 10 => 0.25, 20 => 0.75 }], result["scores"]
    assert_equal [{ "no" => 0.25, "yes" => 0.75 }], result["named"]
  end

  def test_loads_bytes_and_files
    bytes = File.binread(path("arithmetic.onnx"))
    assert_equal [[6, 8], [10, 12]], OnnxRuntime::Model.new(bytes).predict({ a: A, b: B })["sum"]
    File.open(path("arithmetic.onnx"), "rb") do |file|
      assert_equal [[6, 8], [10, 12]], OnnxRuntime::Model.new(file).predict({ a: A, b: B })["sum"]
    end
  end

  def test_takes_options
    model = arithmetic(intra_op_num_threads: 1, inter_op_num_threads: 1, execution_mode: :sequential,
                       graph_optimization_level: :basic, enable_cpu_mem_arena: false,
                       enable_mem_pattern: false, log_severity_level: 3, logid: "mine",
                       free_dimension_overrides_by_name: { "N" => 2 },
                       session_config_entries: { "key" => "value" })
    assert_equal [[6, 8], [10, 12]], model.predict({ a: A, b: B }, logid: "run")["sum"]
    assert_raises(OnnxRuntime::Error) { model.predict({ a: [[1, 2]], b: [[1, 2]] }) }
  end

  def test_fixes_dims_by_denotation
    model = arithmetic(free_dimension_overrides_by_denotation: { "DATA_BATCH" => 2 })
    assert_equal [[6, 8], [10, 12]], model.predict({ a: A, b: B })["sum"]
  end

  def test_runs_on_values
    session = OnnxRuntime::InferenceSession.new(path("arithmetic.onnx"))
    a = OnnxRuntime::OrtValue.from_array(A, element_type: :float)
    b = OnnxRuntime::OrtValue.from_array(B, element_type: :float)
    assert a.tensor?
    assert_equal ["tensor(float)", :float, [2, 2], "cpu"], [a.data_type, a.element_type, a.shape, a.device_name]
    assert_equal 3.0, a.data_ptr.get_float(8)
    outputs = session.run_with_ort_values(["sum"], { "a" => a, "b" => b })
    assert_equal [[[6, 8], [10, 12]]], outputs.map(&:to_ruby)
    outputs = session.run(nil, { a: A, b: b }, output_type: :ort_value)
    assert_equal [[5, 12], [21, 32]], outputs[1].to_ruby
    assert_raises(ArgumentError) { session.run(nil, { a: A, b: B }, output_type: :nothing) }
  end

  def test_describes_values_of_containers
    session = OnnxRuntime::InferenceSession.new(path("containers.onnx"))
    scores = session.run(["scores"], { x: [[0.25, 0.75]] }, output_type: :ort_value)[0]
    refute scores.tensor?
    assert_equal "seq(map(int64,tensor(float)))", scores.data_type
  end

  def test_binds_inputs_and_outputs
    session = OnnxRuntime::InferenceSession.new(path("arithmetic.onnx"))
    sum = OnnxRuntime::OrtValue.from_shape_and_type([2, 2], :float)
    binding = session.io_binding
    binding.bind_input("a", OnnxRuntime::OrtValue.from_array(A, element_type: :float))
    binding.bind_input("b", OnnxRuntime::OrtValue.from_array(B, element_type: :float))
    binding.bind_output("sum", sum)
    2.times { session.run_with_iobinding(binding) }
    assert_equal [[6, 8], [10, 12]], sum.to_ruby
    error = assert_raises(OnnxRuntime::Error) { binding.bind_input("bad", sum) }
    assert_includes error.message, "bad"
  end

  def test_tells_its_version
    assert_match(/\A1\.\d+\.\d+\z/, OnnxRuntime.lib_version)
  end

  def test_writes_profiles
    Dir.mktmpdir do |folder|
      session = OnnxRuntime::InferenceSession.new(path("arithmetic.onnx"), enable_profiling: true,
                                                  profile_file_prefix: File.join(folder, "run"))
      session.run(nil, { a: A, b: B })
      file = session.end_profiling
      assert_match(/run.*\.json/, file)
      assert_path_exists file
    end
  end

  def test_lists_providers
    session = OnnxRuntime::InferenceSession.new(path("arithmetic.onnx"))
    assert_equal "CPUExecutionProvider", session.providers.last
  end

  def test_reports_errors
    error = assert_raises(OnnxRuntime::Error) { OnnxRuntime::Model.new("missing.onnx") }
    assert_includes error.message, "Load model from missing.onnx failed"
    error = assert_raises(OnnxRuntime::Error) { arithmetic.predict({ a: A }) }
    assert_includes error.message, "Missing Input: b"
    error = assert_raises(OnnxRuntime::Error) { arithmetic.predict({ a: [1, 2], b: B }) }
    assert_includes error.message, "Invalid rank for input: a"
    error = assert_raises(OnnxRuntime::Error) { arithmetic.predict({ a: [[1]], b: B }) }
    assert_includes error.message, "Got invalid dimensions for input: a"
    error = assert_raises(OnnxRuntime::Error) { arithmetic.predict({ a: A, b: B }, output_names: ["bad"]) }
    assert_match(/Invalid output name: ?bad/, error.message) # 1.31 has the space
    error = assert_raises(OnnxRuntime::Error) { arithmetic.predict({ a: A, b: B }, terminate: true) }
    assert_equal "Exiting due to terminate flag being set to true.", error.message
    error = assert_raises(OnnxRuntime::Error) { arithmetic(providers: ["Nonsense"]) }
    assert_includes error.message, "Nonsense"
  end
end
