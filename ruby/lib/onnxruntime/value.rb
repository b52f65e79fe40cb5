module OnnxRuntime
  # Values of Ruby to values of the library, and back.
  module Values
    # Element types by their names in type strings.
    TYPES = {
      float: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, string: 8, bool: 9,
      float16: 10, double: 11, uint32: 12, uint64: 13
    }.freeze
    NAMES = TYPES.invert.freeze
    FFI_TYPES = {
      float: :float, uint8: :uint8, int8: :int8, uint16: :uint16, int16: :int16, int32: :int32,
      int64: :int64, bool: :uint8, float16: :uint16, double: :double, uint32: :uint32, uint64: :uint64
    }.freeze
    TENSOR, SEQUENCE, MAP = 1, 2, 3

    class << self
      # A tensor of nested arrays; keeps the memory that it lies in.
      def tensor(data, type)
        shape = shape_of(data)
        elements = shape.empty? ? [data] : data.flatten
        unless elements.size == shape.inject(1, :*)
          raise Error, "Input array has inhomogeneous dimensions"
        end
        return [string_tensor(elements, shape), nil] if type == :string
        kind = FFI_TYPES.fetch(type) { raise Error, "Unsupported element type: #{type}" }
        memory = FFI::MemoryPointer.new(kind, [elements.size, 1].max)
        elements = elements.map { |element| element && element != 0 ? 1 : 0 } if type == :bool
        memory.send(:"write_array_of_#{kind}", elements)
        value = Table.made(:CreateTensorWithDataAsOrtValue, Table.cpu_memory, memory,
                           elements.size * FFI.type_size(kind), dims_of(shape), shape.size, TYPES[type])
        [Table.owned(:Value, value), memory]
      end

      # A tensor in memory of the library's.
      def allocate(shape, type)
        number = TYPES.fetch(type) { raise Error, "Unsupported element type: #{type}" }
        Table.owned(:Value, Table.made(:CreateTensorAsOrtValue, Table.allocator, dims_of(shape),
                                       shape.size, number))
      end

      def read(value)
        case Table.number(:GetValueType, value, type: :int)
        when TENSOR then read_tensor(value)
        when SEQUENCE
          Array.new(Table.number(:GetValueCount, value)) { |index| read_item(value, index) }
        when MAP then read_item(value, 0).zip(read_item(value, 1)).to_h
        else raise Error, "Unsupported type of value"
        end
      end

      def dims(info)
        rank = Table.number(:GetDimensionsCount, info)
        dims = FFI::MemoryPointer.new(:int64, [rank, 1].max)
        Table.call(:GetDimensions, info, dims, rank)
        dims.read_array_of_int64(rank)
      end

      def element_type(info)
        number = Table.number(:GetTensorElementType, info, type: :int)
        NAMES.fetch(number) { raise Error, "Unsupported element type: #{number}" }
      end

      private

      def shape_of(data)
        shape = []
        while data.is_a?(Array)
          shape << data.size
          data = data.first
        end
        shape
      end

      def dims_of(shape)
        FFI::MemoryPointer.new(:int64, [shape.size, 1].max).write_array_of_int64(shape)
      end

      def string_tensor(elements, shape)
        value = allocate(shape, :string)
        texts = elements.map { |text| FFI::MemoryPointer.from_string(text) }
        pointers = FFI::MemoryPointer.new(:pointer, [texts.size, 1].max).write_array_of_pointer(texts)
        Table.call(:FillStringTensor, value, pointers, texts.size)
        value
      end

      def read_item(value, index)
        read(Table.owned(:Value, Table.made(:GetValue, value, index, Table.allocator)))
      end

      def read_tensor(value)
        info = Table.owned(:TensorTypeAndShapeInfo, Table.made(:GetTensorTypeAndShape, value))
        type = element_type(info)
        count = Table.number(:GetTensorShapeElementCount, info)
        shape = dims(info)
        nest(type == :string ? read_strings(value, count) : read_elements(value, type, count), shape)
      end

      def read_elements(value, type, count)
        data = Table.made(:GetTensorMutableData, value)
        return [] if count.zero?
        elements = data.send(:"read_array_of_#{FFI_TYPES.fetch(type)}", count)
        type == :bool ? elements.map { |element| element != 0 } : elements
      end

      def read_strings(value, count)
        length = Table.number(:GetStringTensorDataLength, value)
        text = FFI::MemoryPointer.new(:char, [length, 1].max)
        places = FFI::MemoryPointer.new(:size_t, [count, 1].max)
        Table.call(:GetStringTensorContent, value, text, length, places, count)
        places = places.read_array_of_uint64(count) + [length]
        Array.new(count) do |index|
          text.get_bytes(places[index], places[index + 1] - places[index]).force_encoding("UTF-8")
        end
      end

      def nest(elements, shape)
        return elements.first if shape.empty?
        shape[1..].reverse_each { |dim| elements = elements.each_slice([dim, 1].max).to_a }
        elements
      end
    end
  end
end
