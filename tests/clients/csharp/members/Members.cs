// Prints the public types and members of an assembly, one to a line: Members.exe ASSEMBLY
using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;

public static class Members
{
    private const BindingFlags declared = BindingFlags.Public | BindingFlags.NonPublic |
        BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static string Name(Type type)
    {
        if (type.IsByRef) return Name(type.GetElementType()) + "&";
        if (type.IsArray) return Name(type.GetElementType()) + "[]";
        if (!type.IsGenericType) return type.Name;
        return type.Name + "<" + string.Join(",", type.GetGenericArguments().Select(Name)) + ">";
    }

    private static bool IsOffered(MemberInfo member)
    {
        var method = member as MethodBase;
        var field = member as FieldInfo;
        bool isOffered = method != null
            ? method.IsPublic || method.IsFamily
            : field != null && (field.IsPublic || field.IsFamily);
        return isOffered && member.Name != "Finalize" && member.Name != "value__";
    }

    private static string Describe(MemberInfo member)
    {
        var field = member as FieldInfo;
        if (field != null)
        {
            string number = field.IsLiteral ? " = " + field.GetRawConstantValue() : "";
            return field.Name + number + " : " + Name(field.FieldType);
        }
        var method = (MethodBase)member;
        string parameters = string.Join(", ", method.GetParameters().Select(
            each => Name(each.ParameterType) + (each.IsOptional ? "=" : "")));
        Type result = (method as MethodInfo)?.ReturnType;
        return (method.IsStatic ? "static " : "") + method.Name + "(" + parameters + ")" +
            (result == null ? "" : " : " + Name(result));
    }

    public static void Main(string[] arguments)
    {
        var lines = new List<string>();
        Type[] types = Assembly.LoadFrom(arguments[0]).GetTypes();
        foreach (Type type in types.Where(each => each.IsVisible))
        {
            lines.Add(type.FullName);
            lines.AddRange(type.GetMembers(declared).Where(IsOffered)
                .Select(member => type.FullName + " " + Describe(member)));
        }
        lines.Sort(StringComparer.Ordinal);
        lines.ForEach(Console.WriteLine);
    }
}
