// Runs every public static method of the classes whose names end with Tests, in order of names.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

/// Said of a test that ONNX Runtime's library does not pass, and why.
[AttributeUsage(AttributeTargets.Method)]
public class NotInLibraryAttribute : Attribute
{
    public string Why { get; }

    public NotInLibraryAttribute(string why)
    {
        Why = why;
    }
}

/// Said of a test that ONNX Runtime's own managed assembly does not pass, and why.
[AttributeUsage(AttributeTargets.Method)]
public class NotInAssemblyAttribute : Attribute
{
    public string Why { get; }

    public NotInAssemblyAttribute(string why)
    {
        Why = why;
    }
}

public static class Runner
{
    private static string NameOf(MethodInfo test)
    {
        return test.DeclaringType.Name + "." + test.Name;
    }

    // ORIGINAL: the library is ONNX Runtime's. The assembly tells by its structure of the table.
    private static string WhyNot(MethodInfo test)
    {
        bool isLibrary = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("ORIGINAL"));
        bool isAssembly =
            typeof(InferenceSession).Assembly.GetType("Microsoft.ML.OnnxRuntime.OrtApi") != null;
        string why = null;
        if (isLibrary) why = test.GetCustomAttribute<NotInLibraryAttribute>()?.Why;
        if (isAssembly) why = why ?? test.GetCustomAttribute<NotInAssemblyAttribute>()?.Why;
        return why;
    }

    public static int Main(string[] arguments)
    {
        int passed = 0, failed = 0;
        var tests = Assembly.GetExecutingAssembly().GetTypes()
            .Where(type => type.Name.EndsWith("Tests"))
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static))
            .OrderBy(NameOf, StringComparer.Ordinal);
        foreach (MethodInfo test in tests)
        {
            string name = NameOf(test);
            if (arguments.Length > 0 && !arguments.Any(name.Contains)) continue;
            string why = WhyNot(test);
            if (why != null)
            {
                Console.WriteLine("not run " + name + ": " + why);
                continue;
            }
            try
            {
                test.Invoke(null, null);
                ++passed;
                Console.WriteLine("ok " + name);
            }
            catch (TargetInvocationException error)
            {
                ++failed;
                Console.WriteLine("not ok " + name + "\n" + error.InnerException);
            }
        }
        Console.WriteLine(passed + " passed, " + failed + " failed");
        return failed == 0 && passed > 0 ? 0 : 1;
    }
}

public class CheckFailed : Exception
{
    public CheckFailed(string message) : base(message)
    {
    }
}

public static class Check
{
    public static void True(bool condition, string what)
    {
        if (!condition) throw new CheckFailed(what);
    }

    public static void Equal<T>(T want, T got)
    {
        if (!EqualityComparer<T>.Default.Equals(want, got))
        {
            throw new CheckFailed("wanted " + want + ", got " + got);
        }
    }

    public static void Elements<T>(IEnumerable<T> want, IEnumerable<T> got)
    {
        if (!want.SequenceEqual(got))
        {
            throw new CheckFailed(
                "wanted " + string.Join(", ", want) + "; got " + string.Join(", ", got));
        }
    }

    public static void Contains(string part, string whole)
    {
        if (whole == null || !whole.Contains(part))
        {
            throw new CheckFailed("wanted a text with '" + part + "', got '" + whole + "'");
        }
    }

    public static T Throws<T>(string message, Action body) where T : Exception
    {
        try
        {
            body();
        }
        catch (T error)
        {
            Contains(message, error.Message);
            return error;
        }
        throw new CheckFailed("no " + typeof(T).Name + " with '" + message + "'");
    }
}

public static class Models
{
    public static readonly float[] A = { 1, 2, 3, 4 };
    public static readonly float[] B = { 5, 6, 7, 8 };
    public static readonly float[] Sum = { 6, 8, 10, 12 };
    public static readonly float[] Product = { 5, 12, 21, 32 };
    public static readonly string[] AB = { "a", "b" };

    public static readonly RunOptions Defaults = new RunOptions();

    public static string Path(string name)
    {
        return System.IO.Path.Combine(Environment.GetEnvironmentVariable("MODELS"), name);
    }

    public static byte[] Bytes(string name)
    {
        return File.ReadAllBytes(Path(name));
    }

    public static InferenceSession Load(string name)
    {
        return new InferenceSession(Path(name));
    }

    public static InferenceSession Arithmetic()
    {
        return Load("arithmetic.onnx");
    }

    public static DenseTensor<float> Square(float[] elements)
    {
        return new DenseTensor<float>(elements, new[] { 2, 2 });
    }

    public static List<NamedOnnxValue> Pair()
    {
        return new List<NamedOnnxValue>
        {
            NamedOnnxValue.CreateFromTensor("a", Square(A)),
            NamedOnnxValue.CreateFromTensor("b", Square(B)),
        };
    }

    public static OrtValue SquareValue(float[] elements)
    {
        return OrtValue.CreateTensorValueFromMemory(elements, new long[] { 2, 2 });
    }

    /// A folder of its own, which is deleted afterwards.
    public static void InFolder(Action<string> body)
    {
        string folder = System.IO.Path.Combine(
            System.IO.Path.GetTempPath(), "csharp-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(folder);
        try
        {
            body(folder);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }
}
