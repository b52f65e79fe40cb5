using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    /// Options of the CUDA provider; a library without one says so when they are made.
    public class OrtCUDAProviderOptions : SafeHandle
    {
        public OrtCUDAProviderOptions() : base(IntPtr.Zero, true)
        {
            IntPtr made;
            Status.Check(Table.CreateCUDAProviderOptions(out made));
            SetHandle(made);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        public void UpdateOptions(Dictionary<string, string> providerOptions)
        {
            ProviderOptions.Update(this, Table.UpdateCUDAProviderOptions, providerOptions);
        }

        public string GetOptions()
        {
            return ProviderOptions.Describe(this, Table.GetCUDAProviderOptionsAsString);
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseCUDAProviderOptions(handle);
            handle = IntPtr.Zero;
            return true;
        }
    }

    /// Options of the TensorRT provider; a library without one says so when they are made.
    public class OrtTensorRTProviderOptions : SafeHandle
    {
        public OrtTensorRTProviderOptions() : base(IntPtr.Zero, true)
        {
            IntPtr made;
            Status.Check(Table.CreateTensorRTProviderOptions(out made));
            SetHandle(made);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        public void UpdateOptions(Dictionary<string, string> providerOptions)
        {
            ProviderOptions.Update(this, Table.UpdateTensorRTProviderOptions, providerOptions);
        }

        public string GetOptions()
        {
            return ProviderOptions.Describe(this, Table.GetTensorRTProviderOptionsAsString);
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseTensorRTProviderOptions(handle);
            handle = IntPtr.Zero;
            return true;
        }
    }

    /// Options of the ROCM provider; a library without one says so when they are made.
    public class OrtROCMProviderOptions : SafeHandle
    {
        public OrtROCMProviderOptions() : base(IntPtr.Zero, true)
        {
            IntPtr made;
            Status.Check(Status.Since(Table.CreateROCMProviderOptions, 16,
                "OrtROCMProviderOptions")(out made));
            SetHandle(made);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        public void UpdateOptions(Dictionary<string, string> providerOptions)
        {
            ProviderOptions.Update(this, Table.UpdateROCMProviderOptions, providerOptions);
        }

        public string GetOptions()
        {
            return ProviderOptions.Describe(this, Table.GetROCMProviderOptionsAsString);
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseROCMProviderOptions(handle);
            handle = IntPtr.Zero;
            return true;
        }
    }

    /// Reads options of providers that are written as one text.
    public class ProviderOptionsValueHelper
    {
        /// "a=1;b=2" fills the dictionary with a and b.
        public static void StringToDict(string s, Dictionary<string, string> dict)
        {
            if (s == null) throw new ArgumentNullException(nameof(s));
            if (dict == null) throw new ArgumentNullException(nameof(dict));
            foreach (string pair in s.Split(';'))
            {
                string[] parts = pair.Split('=');
                if (parts.Length != 2)
                {
                    throw new ArgumentException("'" + pair + "' is not 'key=value'.", nameof(s));
                }
                dict[parts[0]] = parts[1];
            }
        }
    }

    internal static class ProviderOptions
    {
        internal static void Update(SafeHandle handle, FnPAAN entry,
            Dictionary<string, string> providerOptions)
        {
            if (providerOptions == null) throw new ArgumentNullException(nameof(providerOptions));
            string[] keys = providerOptions.Keys.ToArray();
            using (var names = new Texts(keys))
            using (var values = new Texts(keys.Select(key => providerOptions[key])))
            using (Lease options = handle.Hold())
            {
                Status.Check(entry(options.Pointer, names.Pointers, values.Pointers,
                    Shapes.Count(keys.Length)));
            }
        }

        internal static string Describe(SafeHandle handle, FnPPO entry)
        {
            using (Lease options = handle.Hold())
            {
                IntPtr text;
                Status.Check(entry(options.Pointer, OrtAllocator.DefaultPointer, out text));
                return Text.Take(text);
            }
        }
    }
}
