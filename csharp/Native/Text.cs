using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Microsoft.ML.OnnxRuntime
{
    /// Texts between .NET and C: UTF-8 that ends with 0.
    internal static class Text
    {
        // UTF-16 that is no text (half a pair) becomes U+FFFD; it has no UTF-8.
        private static readonly Encoding utf8 = new UTF8Encoding(false);

        internal static byte[] Bytes(string text)
        {
            if (text == null) throw new ArgumentNullException(nameof(text));
            var bytes = new byte[utf8.GetByteCount(text) + 1];
            utf8.GetBytes(text, 0, text.Length, bytes, 0);
            return bytes;
        }

        /// A path is a text of the system's: wide characters on Windows.
        internal static byte[] Path(string path)
        {
            if (path == null) throw new ArgumentNullException(nameof(path));
            return Environment.OSVersion.Platform == PlatformID.Win32NT
                ? Encoding.Unicode.GetBytes(path + "\0")
                : Bytes(path);
        }

        internal static string Read(IntPtr text)
        {
            if (text == IntPtr.Zero) return null;
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0) ++length;
            return Read(text, length);
        }

        internal static unsafe string Read(IntPtr text, int length)
        {
            return length == 0 ? string.Empty : utf8.GetString((byte*)text, length);
        }

        internal static unsafe int ByteCount(ReadOnlySpan<char> text)
        {
            fixed (char* start = &MemoryMarshal.GetReference(text))
            {
                return text.IsEmpty ? 0 : utf8.GetByteCount(start, text.Length);
            }
        }

        internal static unsafe void Write(ReadOnlySpan<char> text, IntPtr to, int bytes)
        {
            if (text.IsEmpty) return;
            fixed (char* start = &MemoryMarshal.GetReference(text))
            {
                utf8.GetBytes(start, text.Length, (byte*)to, bytes);
            }
        }

        /// Reads a text that the library allocated with its default allocator, and frees it.
        internal static string Take(IntPtr text)
        {
            if (text == IntPtr.Zero) return null;
            try
            {
                return Read(text);
            }
            finally
            {
                Status.Check(Table.AllocatorFree(OrtAllocator.DefaultPointer, text));
            }
        }
    }

    /// Texts in memory of C's, all in one block, until disposed.
    internal sealed class Texts : IDisposable
    {
        private IntPtr block;

        internal IntPtr[] Pointers { get; }

        internal Texts(IEnumerable<string> texts)
        {
            var encoded = new List<byte[]>();
            int size = 0;
            foreach (string text in texts)
            {
                byte[] bytes = Text.Bytes(text);
                encoded.Add(bytes);
                size += bytes.Length;
            }
            Pointers = new IntPtr[encoded.Count];
            block = Marshal.AllocHGlobal(Math.Max(size, 1));
            IntPtr next = block;
            for (int i = 0; i < Pointers.Length; ++i)
            {
                Marshal.Copy(encoded[i], 0, next, encoded[i].Length);
                Pointers[i] = next;
                next = IntPtr.Add(next, encoded[i].Length);
            }
        }

        ~Texts()
        {
            Free();
        }

        public void Dispose()
        {
            Free();
            GC.SuppressFinalize(this);
        }

        private void Free()
        {
            if (block != IntPtr.Zero) Marshal.FreeHGlobal(block);
            block = IntPtr.Zero;
        }
    }
}
