using Mono.Cecil;

namespace Microsoft.ML.Drift.Tests.Eng;

/// <summary>
/// The analyzer's list (<c>eng/BannedSymbols.txt</c>) tells an author at once; this looks at what the built library really calls, so that neither a new
/// TorchSharp version nor a gap in the list lets a temporary scalar in.
/// </summary>
public class TemporaryScalarTests
{
    [Fact]
    public void Library_OfTorchSharp_CallsNothingThatMakesTemporaryScalars()
    {
        using var torchSharp = AssemblyDefinition.ReadAssembly(Path.Combine(AppContext.BaseDirectory, "TorchSharp.dll"));
        using var library = BuiltLibrary.Read();
        var dangerous = ThatMakeTemporaryScalars(torchSharp);

        // Each of these is known to make one, directly or through another.
        Assert.Contains("TorchSharp.torch/Tensor TorchSharp.torch/Tensor::op_Addition(TorchSharp.torch/Tensor,TorchSharp.torch/Tensor)", dangerous);
        Assert.Contains("TorchSharp.Scalar TorchSharp.Scalar::op_Implicit(System.Double)", dangerous);

        Assert.Empty(
            from type in library.MainModule.GetTypes()
            from mention in BuiltLibrary.Mentions(type)
            where dangerous.Contains(mention.Member.FullName) && !IsScriptOfTensors(type, mention.Member)
            select $"{mention.Where} calls {mention.Member.FullName}");
    }

    /// <summary>TorchScript makes scalars of numbers only, and this class hands it tensors only.</summary>
    private static bool IsScriptOfTensors(TypeDefinition type, MemberReference called) =>
        type.FullName.StartsWith("Microsoft.ML.Drift.Models.NativeKernels", StringComparison.Ordinal) && called.DeclaringType.FullName.StartsWith("TorchSharp.torch/jit/", StringComparison.Ordinal);

    /// <summary>TorchSharp's methods that turn a number into a scalar, and those that call them, and so on.</summary>
    private static HashSet<string> ThatMakeTemporaryScalars(AssemblyDefinition torchSharp)
    {
        var calls = torchSharp.MainModule.GetTypes().SelectMany(type => type.Methods).Where(method => method.HasBody)
            .Select(method => (method.FullName, Called: method.Body.Instructions.Select(instruction => instruction.Operand).OfType<MethodReference>().ToArray()))
            .ToArray();
        var found = calls.Where(method => method.Called.Any(MakesScalar)).Select(method => method.FullName).ToHashSet();
        int before;
        do
        {
            before = found.Count;
            foreach (var (name, called) in calls)
                if (called.Any(callee => found.Contains(callee.FullName))) found.Add(name);
        }
        while (found.Count > before);
        return found;
    }

    private static bool MakesScalar(MethodReference method) =>
        method.Name == "ToScalar" || (method.Name == "op_Implicit" && method.ReturnType.FullName == "TorchSharp.Scalar");
}
