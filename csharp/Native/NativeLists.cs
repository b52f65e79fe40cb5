using System;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    /// Lists that the library allocated with its default allocator.
    internal static class NativeLists
    {
        /// Reads texts and frees them and their list; NULL is an empty list.
        internal static string[] TakeTexts(IntPtr list, long count)
        {
            IntPtr[] pointers = TakePointers(list, count);
            var texts = new string[pointers.Length];
            for (int i = 0; i < texts.Length; ++i) texts[i] = Text.Take(pointers[i]);
            return texts;
        }

        internal static IntPtr[] TakePointers(IntPtr list, long count)
        {
            var pointers = new IntPtr[count];
            if (list == IntPtr.Zero) return pointers;
            Marshal.Copy(list, pointers, 0, pointers.Length);
            Free(list);
            return pointers;
        }

        internal static void Free(IntPtr memory)
        {
            if (memory == IntPtr.Zero) return;
            Status.Check(Table.AllocatorFree(OrtAllocator.DefaultPointer, memory));
        }
    }
}
