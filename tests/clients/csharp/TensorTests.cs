// Tensors of .NET alone.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

public static class TensorTests
{
    private static readonly int[,] table = { { 1, 2, 3 }, { 4, 5, 6 } };

    public static void LaysElementsOut()
    {
        Tensor<int> rows = table.ToTensor();
        Check.Elements(new[] { 3, 1 }, rows.Strides.ToArray());
        Check.Elements(new[] { 1, 2, 3, 4, 5, 6 }, rows);
        Tensor<int> columns = table.ToTensor(true);
        Check.Elements(new[] { 1, 2 }, columns.Strides.ToArray());
        Check.Elements(new[] { 1, 4, 2, 5, 3, 6 }, columns);
        Check.True(columns.IsReversedStride, "reversed");
        for (int i = 0; i < 2; ++i)
        {
            for (int j = 0; j < 3; ++j)
            {
                Check.Equal(table[i, j], rows[i, j]);
                Check.Equal(table[i, j], columns[i, j]);
            }
        }
        Check.Equal(6L, rows.Length);
        Check.Equal(2, rows.Rank);
        Check.Equal(5, new[] { 4, 5 }.ToTensor()[1]);
        Check.Equal(7, new int[,,,] { { { { 7 } } } }.ToTensor()[0, 0, 0, 0]);
    }

    public static void SharesMemory()
    {
        var memory = new float[6];
        var tensor = new DenseTensor<float>(memory, new[] { 2, 3 });
        tensor[1, 2] = 5;
        Check.Equal(5f, memory[5]);
        Tensor<float> reshaped = tensor.Reshape(new[] { 3, 2 });
        reshaped[0, 1] = 7;
        Check.Equal(7f, tensor[0, 1]);
        Tensor<float> clone = tensor.Clone();
        clone[0, 1] = 8;
        Check.Equal(7f, tensor[0, 1]);
        tensor.Fill(3);
        Check.True(memory.All(each => each == 3), "filled");
        Check.Equal(6, tensor.CloneEmpty<double>().Count());
        Check.Equal(0.0, tensor.CloneEmpty<double>().Sum());
        Check.Equal(1L, new DenseTensor<float>(new int[0]).Length);
    }

    public static void RefusesWhatDoesNotFit()
    {
        var tensor = new DenseTensor<int>(new[] { 2, 3 });
        Check.Throws<IndexOutOfRangeException>("", () => tensor[2, 0] = 1);
        Check.Throws<IndexOutOfRangeException>("", () => tensor[0, -1] = 1);
        Check.Throws<ArgumentException>("", () => new DenseTensor<int>(new int[5], new[] { 2, 3 }));
        Check.Throws<ArgumentException>("", () => tensor.Reshape(new[] { 4 }));
        Check.Throws<ArgumentOutOfRangeException>("", () => new DenseTensor<int>(new[] { 2, -1 }));
        Check.Throws<InvalidOperationException>("", () => ((IList)tensor).Add(1));
    }

    public static void FindsDiagonalsAndTriangles()
    {
        Tensor<int> square = new[,] { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } }.ToTensor();
        Check.Elements(new[] { 1, 5, 9 }, square.GetDiagonal());
        Check.Elements(new[] { 2, 6 }, square.GetDiagonal(1));
        Check.Elements(new[] { 4, 8 }, square.GetDiagonal(-1));
        Check.Elements(new[] { 1, 0, 0, 4, 5, 0, 7, 8, 9 }, square.GetTriangle());
        Check.Elements(new[] { 1, 2, 3, 0, 5, 6, 0, 0, 9 }, square.GetUpperTriangle());
        Check.Elements(new[] { 0, 2, 3, 0, 0, 6, 0, 0, 0 }, square.GetUpperTriangle(1));
        Check.Elements(new[] { 1, 0, 0, 1 }, Tensor.CreateIdentity<int>(2));
        Check.Elements(new[] { 0, 3, 0, 0, 0, 4, 0, 0, 0 },
            Tensor.CreateFromDiagonal(new[] { 3, 4 }.ToTensor(), 1));
        Check.Elements(new[] { 0, 0, 3, 0 }, Tensor.CreateFromDiagonal(new[] { 3 }.ToTensor(), -1));
    }

    public static void ComparesAndPrints()
    {
        Tensor<int> tensor = table.ToTensor();
        IStructuralEquatable equatable = tensor;
        Check.True(equatable.Equals(table.ToTensor(), EqualityComparer<int>.Default), "equal");
        Tensor<int> other = tensor.Clone();
        other[1, 1] = 0;
        Check.True(!equatable.Equals(other, EqualityComparer<int>.Default), "not equal");
        Check.Equal("{{1,2,3},{4,5,6}}", tensor.GetArrayString(false));
        Check.Equal(3, ((IList<int>)tensor).IndexOf(4));
        Check.True(((ICollection<int>)tensor).Contains(6), "6 is in it");
        var copy = new int[7];
        ((ICollection<int>)tensor).CopyTo(copy, 1);
        Check.Elements(new[] { 0, 1, 2, 3, 4, 5, 6 }, copy);
    }

    public static void CountsShapes()
    {
        long[] shape = { 2, 3, 4 };
        Check.Equal(24L, ShapeUtils.GetSizeForShape(shape));
        Check.Elements(new long[] { 12, 4, 1 }, ShapeUtils.GetStrides(shape));
        Check.Equal(23L, ShapeUtils.GetIndex(new long[] { 12, 4, 1 }, new long[] { 1, 2, 3 }));
        Check.Throws<ArgumentOutOfRangeException>(
            "", () => ShapeUtils.GetSizeForShape(new long[] { 2, -1 }));
    }

    public static void KnowsElementTypes()
    {
        Check.Equal(TensorElementType.Float16, TensorBase.GetTypeInfo(typeof(Float16)).ElementType);
        Check.Equal(typeof(BFloat16),
            TensorBase.GetElementTypeInfo(TensorElementType.BFloat16).TensorType);
        Check.True(TensorBase.GetTypeInfo(typeof(DateTime)) == null, "no tensors of dates");
        Check.True(new DenseTensor<string>(1).GetTypeInfo().IsString, "strings");
    }
}
