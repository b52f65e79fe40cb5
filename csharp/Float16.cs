using System;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    /// The bits of a float, in both directions.
    [StructLayout(LayoutKind.Explicit)]
    internal struct FloatBits
    {
        [FieldOffset(0)] private float number;
        [FieldOffset(0)] private uint bits;

        internal static uint Of(float number)
        {
            return new FloatBits { number = number }.bits;
        }

        internal static float ToFloat(uint bits)
        {
            return new FloatBits { bits = bits }.number;
        }
    }

    /// A number in 16 bits, of IEEE 754: 1 of sign, 5 of exponent, 10 of fraction.
    [StructLayout(LayoutKind.Sequential)]
    public struct Float16 : IComparable, IComparable<Float16>, IEquatable<Float16>, IFormattable
    {
        private const ushort signBit = 0x8000;
        private const ushort infinityBits = 0x7C00;

        public ushort value;

        public Float16(ushort v)
        {
            value = v;
        }

        public static Float16 Epsilon => new Float16(0x0400);
        public static Float16 Zero => new Float16(0x0000);
        public static Float16 One => new Float16(0x3C00);
        public static Float16 NegativeOne => new Float16(0xBC00);
        public static Float16 NegativeZero => new Float16(signBit);
        public static Float16 Pi => new Float16(0x4248);
        public static Float16 E => new Float16(0x4170);
        public static Float16 Tau => new Float16(0x4648);
        public static Float16 NaN => new Float16(0xFE00);
        public static Float16 PositiveInfinity => new Float16(infinityBits);
        public static Float16 NegativeInfinity => new Float16(signBit | infinityBits);
        public static Float16 MaxValue => new Float16(0x7BFF);
        public static Float16 MinValue => new Float16(0xFBFF);

        public static bool IsNaN(Float16 v) => (v.value & ~signBit) > infinityBits;
        public static bool IsInfinity(Float16 v) => (v.value & ~signBit) == infinityBits;
        public static bool IsPositiveInfinity(Float16 v) => v.value == infinityBits;
        public static bool IsNegativeInfinity(Float16 v) => v.value == (signBit | infinityBits);
        public static bool IsFinite(Float16 v) => (v.value & ~signBit) < infinityBits;
        public static bool IsNegative(Float16 v) => (v.value & signBit) != 0;
        public static bool IsNormal(Float16 v) => IsFinite(v) && (v.value & infinityBits) != 0;
        public static bool IsNaNOrZero(Float16 v) => IsNaN(v) || (v.value & ~signBit) == 0;
        public static bool IsSubnormal(Float16 v) =>
            (v.value & infinityBits) == 0 && (v.value & ~signBit) != 0;

        public static Float16 Negate(Float16 v) =>
            IsNaN(v) ? v : new Float16((ushort)(v.value ^ signBit));
        public static Float16 Abs(Float16 v) => new Float16((ushort)(v.value & ~signBit));

        public float ToFloat()
        {
            uint sign = (uint)(value & signBit) << 16;
            uint exponent = (uint)(value & infinityBits) >> 10;
            uint fraction = value & 0x3FFu;
            if (exponent == 31) return FloatBits.ToFloat(sign | 0x7F800000u | fraction << 13);
            if (exponent != 0)
            {
                return FloatBits.ToFloat(sign | exponent + 112 << 23 | fraction << 13);
            }
            float magnitude = fraction * (1.0f / (1 << 24));
            return sign != 0 ? -magnitude : magnitude;
        }

        // To the nearest, halves to the even one.
        private static Float16 FromFloat(float number)
        {
            uint bits = FloatBits.Of(number);
            uint sign = bits >> 16 & signBit;
            uint magnitude = bits & 0x7FFFFFFFu;
            if (magnitude > 0x7F800000u) return new Float16((ushort)(sign | 0x7E00));
            if (magnitude >= 0x477FF000u) return new Float16((ushort)(sign | infinityBits));
            if (magnitude < 0x33000000u) return new Float16((ushort)sign);
            uint kept, lost, half;
            if (magnitude >= 0x38800000u)
            {
                kept = (magnitude >> 13) - (112u << 10);
                lost = magnitude & 0x1FFFu;
                half = 0x1000u;
            }
            else
            {
                int shift = 126 - (int)(magnitude >> 23);
                uint fraction = magnitude & 0x7FFFFFu | 0x800000u;
                kept = fraction >> shift;
                lost = fraction & (1u << shift) - 1;
                half = 1u << shift - 1;
            }
            if (lost > half || lost == half && (kept & 1) != 0) ++kept;
            return new Float16((ushort)(sign | kept));
        }

        public static explicit operator Float16(float number) => FromFloat(number);
        public static explicit operator float(Float16 number) => number.ToFloat();

        public static bool operator ==(Float16 left, Float16 right) =>
            left.ToFloat() == right.ToFloat();
        public static bool operator !=(Float16 left, Float16 right) => !(left == right);
        public static bool operator <(Float16 left, Float16 right) =>
            left.ToFloat() < right.ToFloat();
        public static bool operator >(Float16 left, Float16 right) =>
            left.ToFloat() > right.ToFloat();
        public static bool operator <=(Float16 left, Float16 right) =>
            left.ToFloat() <= right.ToFloat();
        public static bool operator >=(Float16 left, Float16 right) =>
            left.ToFloat() >= right.ToFloat();

        public int CompareTo(Float16 other) => ToFloat().CompareTo(other.ToFloat());

        public int CompareTo(object obj)
        {
            if (obj == null) return 1;
            if (obj is Float16) return CompareTo((Float16)obj);
            throw new ArgumentException("A Float16 compares with a Float16 alone.", nameof(obj));
        }

        public bool Equals(Float16 other) => ToFloat().Equals(other.ToFloat());

        public override bool Equals(object obj) => obj is Float16 && Equals((Float16)obj);

        public override int GetHashCode() => ToFloat().GetHashCode();

        public override string ToString() => ToFloat().ToString(CultureInfo.CurrentCulture);

        public string ToString(string format, IFormatProvider provider) =>
            ToFloat().ToString(format, provider);
    }

    /// A number in 16 bits: the upper half of a float.
    [StructLayout(LayoutKind.Sequential)]
    public struct BFloat16 : IComparable, IComparable<BFloat16>, IEquatable<BFloat16>, IFormattable
    {
        private const ushort signBit = 0x8000;
        private const ushort infinityBits = 0x7F80;

        public ushort value;

        public BFloat16(ushort v)
        {
            value = v;
        }

        public static BFloat16 Epsilon => new BFloat16(0x0080);
        public static BFloat16 Zero => new BFloat16(0x0000);
        public static BFloat16 One => new BFloat16(0x3F80);
        public static BFloat16 NegativeOne => new BFloat16(0xBF80);
        public static BFloat16 NegativeZero => new BFloat16(signBit);
        public static BFloat16 Pi => new BFloat16(0x4049);
        public static BFloat16 E => new BFloat16(0x402E);
        public static BFloat16 Tau => new BFloat16(0x40C9);
        public static BFloat16 NaN => new BFloat16(0xFFC1);
        public static BFloat16 PositiveInfinity => new BFloat16(infinityBits);
        public static BFloat16 NegativeInfinity => new BFloat16(signBit | infinityBits);
        public static BFloat16 MaxValue => new BFloat16(0x7F7F);
        public static BFloat16 MinValue => new BFloat16(0xFF7F);

        public static bool IsNaN(BFloat16 v) => (v.value & ~signBit) > infinityBits;
        public static bool IsInfinity(BFloat16 v) => (v.value & ~signBit) == infinityBits;
        public static bool IsPositiveInfinity(BFloat16 v) => v.value == infinityBits;
        public static bool IsNegativeInfinity(BFloat16 v) => v.value == (signBit | infinityBits);
        public static bool IsFinite(BFloat16 v) => (v.value & ~signBit) < infinityBits;
        public static bool IsNegative(BFloat16 v) => (v.value & signBit) != 0;
        public static bool IsNormal(BFloat16 v) => IsFinite(v) && (v.value & infinityBits) != 0;
        public static bool IsNaNOrZero(BFloat16 v) => IsNaN(v) || (v.value & ~signBit) == 0;
        public static bool IsSubnormal(BFloat16 v) =>
            (v.value & infinityBits) == 0 && (v.value & ~signBit) != 0;

        public static BFloat16 Negate(BFloat16 v) =>
            IsNaN(v) ? v : new BFloat16((ushort)(v.value ^ signBit));
        public static BFloat16 Abs(BFloat16 v) => new BFloat16((ushort)(v.value & ~signBit));

        public float ToFloat() => FloatBits.ToFloat((uint)value << 16);

        // To the nearest, halves to the even one.
        private static BFloat16 FromFloat(float number)
        {
            if (float.IsNaN(number)) return NaN;
            uint bits = FloatBits.Of(number);
            bits += 0x7FFFu + (bits >> 16 & 1);
            return new BFloat16((ushort)(bits >> 16));
        }

        public static explicit operator BFloat16(float number) => FromFloat(number);
        public static explicit operator float(BFloat16 number) => number.ToFloat();

        public static bool operator ==(BFloat16 left, BFloat16 right) =>
            left.ToFloat() == right.ToFloat();
        public static bool operator !=(BFloat16 left, BFloat16 right) => !(left == right);
        public static bool operator <(BFloat16 left, BFloat16 right) =>
            left.ToFloat() < right.ToFloat();
        public static bool operator >(BFloat16 left, BFloat16 right) =>
            left.ToFloat() > right.ToFloat();
        public static bool operator <=(BFloat16 left, BFloat16 right) =>
            left.ToFloat() <= right.ToFloat();
        public static bool operator >=(BFloat16 left, BFloat16 right) =>
            left.ToFloat() >= right.ToFloat();

        public int CompareTo(BFloat16 other) => ToFloat().CompareTo(other.ToFloat());

        public int CompareTo(object obj)
        {
            if (obj == null) return 1;
            if (obj is BFloat16) return CompareTo((BFloat16)obj);
            throw new ArgumentException("A BFloat16 compares with a BFloat16 alone.", nameof(obj));
        }

        public bool Equals(BFloat16 other) => ToFloat().Equals(other.ToFloat());

        public override bool Equals(object obj) => obj is BFloat16 && Equals((BFloat16)obj);

        public override int GetHashCode() => ToFloat().GetHashCode();

        public override string ToString() => ToFloat().ToString(CultureInfo.CurrentCulture);

        public string ToString(string format, IFormatProvider provider) =>
            ToFloat().ToString(format, provider);
    }
}
