module OnnxRuntime
  # A value of the library's, with the methods of the gem onnxruntime's class of this name.
  class OrtValue
    # element_type: :float, :int64, :string, ...
    def self.from_array(input, element_type:)
      new(*Values.tensor(input.to_a, element_type))
    end

    # A tensor that the library allocates.
    def self.from_shape_and_type(shape, element_type)
      new(Values.allocate(shape, element_type))
    end

    # Takes the value over; `memory` is where its elements are, when it does not own them.
    def initialize(pointer, memory = nil)
      @pointer = pointer.is_a?(FFI::AutoPointer) ? pointer : Table.owned(:Value, pointer)
      @memory = memory
    end

    def tensor?
      Table.number(:GetValueType, @pointer, type: :int) == Values::TENSOR
    end

    # "tensor(float)", "seq(map(int64,tensor(float)))", ...
    def data_type
      Types.describe(Table.owned(:TypeInfo, Table.made(:GetTypeInfo, @pointer)))[:type]
    end

    def element_type
      Values.element_type(tensor_info)
    end

    def shape
      Values.dims(tensor_info)
    end

    def device_name
      "cpu"
    end

    def to_ruby
      Values.read(@pointer)
    end

    def to_ptr
      @pointer
    end

    # Where the elements of a tensor that has no strings are.
    def data_ptr
      Table.made(:GetTensorMutableData, @pointer)
    end

    private

    def tensor_info
      Table.owned(:TensorTypeAndShapeInfo, Table.made(:GetTensorTypeAndShape, @pointer))
    end
  end
end
