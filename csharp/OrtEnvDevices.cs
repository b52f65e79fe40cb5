using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    public enum OrtCompiledModelCompatibility
    {
        EP_NOT_APPLICABLE = 0,
        EP_SUPPORTED_OPTIMAL = 1,
        EP_SUPPORTED_PREFER_RECOMPILATION = 2,
        EP_UNSUPPORTED = 3,
    }

    // Devices, allocators that sessions share, and copies between devices.
    public sealed partial class OrtEnv
    {
        public IReadOnlyList<OrtEpDevice> GetEpDevices()
        {
            using (Lease env = this.Hold())
            {
                IntPtr list;
                UIntPtr count;
                Status.Check(Status.Since(Table.GetEpDevices, 22, "GetEpDevices")(
                    env.Pointer, out list, out count));
                var devices = new IntPtr[(int)count];
                Marshal.Copy(list, devices, 0, devices.Length);
                return Array.ConvertAll(devices, each => new OrtEpDevice(each));
            }
        }

        public void RegisterExecutionProviderLibrary(string registrationName, string libraryPath)
        {
            using (Lease env = this.Hold())
            {
                Status.Check(Status.Since(Table.RegisterExecutionProviderLibrary, 22,
                    "RegisterExecutionProviderLibrary")(
                    env.Pointer, Text.Bytes(registrationName), Text.Path(libraryPath)));
            }
        }

        public void UnregisterExecutionProviderLibrary(string registrationName)
        {
            using (Lease env = this.Hold())
            {
                Status.Check(Status.Since(Table.UnregisterExecutionProviderLibrary, 22,
                    "UnregisterExecutionProviderLibrary")(
                    env.Pointer, Text.Bytes(registrationName)));
            }
        }

        public int GetNumHardwareDevices()
        {
            using (Lease env = this.Hold())
            {
                UIntPtr count;
                Status.Check(Status.Since(Table.GetNumHardwareDevices, 24, "GetHardwareDevices")(
                    env.Pointer, out count));
                return (int)count;
            }
        }

        public IReadOnlyList<OrtHardwareDevice> GetHardwareDevices()
        {
            var devices = new IntPtr[GetNumHardwareDevices()];
            using (Lease env = this.Hold())
            {
                Status.Check(Table.GetHardwareDevices(
                    env.Pointer, devices, Shapes.Count(devices.Length)));
            }
            return Array.ConvertAll(devices, each => new OrtHardwareDevice(each));
        }

        /// What a compiled model says of the devices that it was compiled for; null for nothing.
        public string GetCompatibilityInfoFromModel(string modelPath, string epType)
        {
            IntPtr text;
            Status.Check(Status.Since(Table.GetCompatibilityInfoFromModel, 24,
                "GetCompatibilityInfoFromModel")(Text.Path(modelPath), Text.Bytes(epType),
                OrtAllocator.DefaultPointer, out text));
            return Text.Take(text);
        }

        public string GetCompatibilityInfoFromModelBytes(byte[] modelData, string epType)
        {
            if (modelData == null) throw new ArgumentNullException(nameof(modelData));
            IntPtr text;
            Status.Check(Status.Since(Table.GetCompatibilityInfoFromModelBytes, 24,
                "GetCompatibilityInfoFromModelBytes")(modelData, Shapes.Count(modelData.Length),
                Text.Bytes(epType), OrtAllocator.DefaultPointer, out text));
            return Text.Take(text);
        }

        public OrtCompiledModelCompatibility GetModelCompatibilityForEpDevices(
            IReadOnlyList<OrtEpDevice> epDevices, string compatibilityInfo)
        {
            if (epDevices == null) throw new ArgumentNullException(nameof(epDevices));
            IntPtr[] devices = epDevices.Select(each => each.Pointer).ToArray();
            int compatibility;
            Status.Check(Status.Since(Table.GetModelCompatibilityForEpDevices, 23,
                "GetModelCompatibilityForEpDevices")(devices, Shapes.Count(devices.Length),
                Text.Bytes(compatibilityInfo), out compatibility));
            return (OrtCompiledModelCompatibility)compatibility;
        }

        /// Copies elements into values of the same types and shapes.
        public void CopyTensors(IReadOnlyList<OrtValue> srcValues,
            IReadOnlyList<OrtValue> dstValues, OrtSyncStream stream)
        {
            if (srcValues == null) throw new ArgumentNullException(nameof(srcValues));
            if (dstValues == null) throw new ArgumentNullException(nameof(dstValues));
            if (srcValues.Count != dstValues.Count)
            {
                throw new ArgumentException("There are " + srcValues.Count + " values to copy to " +
                    dstValues.Count + ".");
            }
            using (Lease env = this.Hold())
            using (Lease held = new Lease(stream))
            using (var from = new Leases(srcValues.Count))
            using (var to = new Leases(dstValues.Count))
            {
                foreach (OrtValue each in srcValues) from.Add(each.Handle);
                foreach (OrtValue each in dstValues) to.Add(each.Handle);
                Status.Check(Status.Since(Table.CopyTensors, 23, "CopyTensors")(env.Pointer,
                    from.Pointers, to.Pointers, held.Pointer, Shapes.Count(srcValues.Count)));
            }
        }

        public void CreateAndRegisterAllocator(OrtMemoryInfo memInfo, OrtArenaCfg arenaCfg)
        {
            using (Lease env = this.Hold())
            using (Lease memory = new Lease(memInfo))
            using (Lease arena = new Lease(arenaCfg))
            {
                Status.Check(Table.CreateAndRegisterAllocator(
                    env.Pointer, memory.Pointer, arena.Pointer));
            }
        }

        public void CreateAndRegisterAllocator(string providerType, OrtMemoryInfo memInfo,
            OrtArenaCfg arenaCfg, IReadOnlyDictionary<string, string> allocatorOptions)
        {
            string[] keys = allocatorOptions?.Keys.ToArray() ?? new string[0];
            using (var names = new Texts(keys))
            using (var values = new Texts(keys.Select(key => allocatorOptions[key])))
            using (Lease env = this.Hold())
            using (Lease memory = new Lease(memInfo))
            using (Lease arena = new Lease(arenaCfg))
            {
                Status.Check(Status.Since(Table.CreateAndRegisterAllocatorV2, 16,
                    "CreateAndRegisterAllocator")(env.Pointer, Text.Bytes(providerType),
                    memory.Pointer, arena.Pointer, names.Pointers, values.Pointers,
                    Shapes.Count(keys.Length)));
            }
        }

        public void UnregisterAllocator(OrtMemoryInfo memInfo)
        {
            using (Lease env = this.Hold())
            using (Lease memory = new Lease(memInfo))
            {
                Status.Check(Table.UnregisterAllocator(env.Pointer, memory.Pointer));
            }
        }
    }
}
