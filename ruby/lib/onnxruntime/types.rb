module OnnxRuntime
  # What the model declares of its inputs and outputs.
  module Types
    class << self
      # { type: "tensor(float)", shape: ["N", 2] }
      def describe(info)
        case Table.number(:GetOnnxTypeFromTypeInfo, info, type: :int)
        when Values::TENSOR
          tensor = Table.made(:CastTypeInfoToTensorInfo, info)
          { type: "tensor(#{element_name(:GetTensorElementType, tensor)})", shape: shape(tensor) }
        when Values::SEQUENCE
          sequence = Table.made(:CastTypeInfoToSequenceTypeInfo, info)
          { type: "seq(#{nested(:GetSequenceElementType, sequence)})", shape: [] }
        when Values::MAP
          map = Table.made(:CastTypeInfoToMapTypeInfo, info)
          key = element_name(:GetMapKeyType, map)
          { type: "map(#{key},#{nested(:GetMapValueType, map)})", shape: [] }
        else { type: "unknown", shape: [] }
        end
      end

      private

      def nested(entry, info)
        describe(Table.owned(:TypeInfo, Table.made(entry, info)))[:type]
      end

      def element_name(entry, info)
        Values::NAMES.fetch(Table.number(entry, info, type: :int), "undefined")
      end

      # Dims: a number, or the name of one that is free.
      def shape(info)
        dims = Values.dims(info)
        names = FFI::MemoryPointer.new(:pointer, [dims.size, 1].max)
        Table.call(:GetSymbolicDimensions, info, names, dims.size)
        dims.zip(names.read_array_of_pointer(dims.size)).map do |dim, name|
          symbol = name.read_string
          symbol.empty? ? dim : symbol
        end
      end
    end
  end
end
