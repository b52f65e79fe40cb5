using System;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    // Tensors of strings, whose elements the library holds in UTF-8.
    public partial class OrtValue
    {
        public string GetStringElement(int index)
        {
            byte[] bytes = StringBytes(index);
            return bytes.Length == 0 ? string.Empty : System.Text.Encoding.UTF8.GetString(bytes);
        }

        public ReadOnlyMemory<char> GetStringElementAsMemory(int index)
        {
            return GetStringElement(index).AsMemory();
        }

        /// A copy of the element's UTF-8.
        public ReadOnlySpan<byte> GetStringElementAsSpan(int index)
        {
            return StringBytes(index);
        }

        public string[] GetStringTensorAsArray()
        {
            OrtTensorTypeAndShapeInfo info = TensorInfo;
            if (!info.IsString)
            {
                throw new OnnxRuntimeException(ErrorCode.Fail,
                    "GetStringTensorAsArray() is only supported for tensors of strings, not of " +
                    info.ElementDataType);
            }
            var strings = new string[checked((int)info.ElementCount)];
            for (int i = 0; i < strings.Length; ++i) strings[i] = GetStringElement(i);
            return strings;
        }

        private byte[] StringBytes(int index)
        {
            if (index < 0) throw new ArgumentOutOfRangeException(nameof(index));
            using (Lease value = Handle.Hold())
            {
                UIntPtr length;
                UIntPtr at = Shapes.Count(index);
                Status.Check(Table.GetStringTensorElementLength(value.Pointer, at, out length));
                var bytes = new byte[checked((int)length)];
                if (bytes.Length == 0) return bytes;
                GCHandle pin = GCHandle.Alloc(bytes, GCHandleType.Pinned);
                try
                {
                    Status.Check(Table.GetStringTensorElement(
                        value.Pointer, length, at, pin.AddrOfPinnedObject()));
                }
                finally
                {
                    pin.Free();
                }
                return bytes;
            }
        }

        public void StringTensorSetElementAt(ReadOnlyMemory<char> rom, int index)
        {
            StringTensorSetElementAt(rom.Span, index);
        }

        public void StringTensorSetElementAt(ReadOnlySpan<char> str, int index)
        {
            int bytes = Text.ByteCount(str);
            using (Lease value = Handle.Hold())
            {
                Text.Write(str, ElementBuffer(value.Pointer, index, bytes), bytes);
            }
        }

        public unsafe void StringTensorSetElementAt(ReadOnlySpan<byte> utf8Bytes, int index)
        {
            using (Lease value = Handle.Hold())
            {
                IntPtr buffer = ElementBuffer(value.Pointer, index, utf8Bytes.Length);
                utf8Bytes.CopyTo(new Span<byte>((void*)buffer, utf8Bytes.Length));
            }
        }

        private static IntPtr ElementBuffer(IntPtr value, int index, int bytes)
        {
            if (index < 0) throw new ArgumentOutOfRangeException(nameof(index));
            IntPtr buffer;
            Status.Check(Status.Since(Table.GetResizedStringTensorElementBuffer, 15,
                "Writing strings")(value, Shapes.Count(index), Shapes.Count(bytes), out buffer));
            return buffer;
        }
    }
}
