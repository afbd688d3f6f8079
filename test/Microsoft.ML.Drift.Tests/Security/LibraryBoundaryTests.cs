using Mono.Cecil;

namespace Microsoft.ML.Drift.Tests.Security;

/// <summary>What the built library cannot do, because it refers to nothing that does it.</summary>
public class LibraryBoundaryTests
{
    /// <summary>Of System.Net the library uses one type: it resolves <c>&amp;amp;</c> and its like.</summary>
    private const string HtmlDecoder = "System.Net.WebUtility";

    private static readonly string[] RunsForeignCode =
    [
        "System.Reflection.Assembly::Load", "System.Reflection.Assembly::LoadFrom", "System.Reflection.Assembly::LoadFile", "System.Reflection.Assembly::UnsafeLoadFrom", "System.Type::GetType(", "System.Activator::CreateInstanceFrom",
        "System.Diagnostics.Process::Start", "System.Runtime.Serialization.Formatters.Binary.BinaryFormatter::",
    ];

    [Fact]
    public void Library_TypesItRefersTo_OpenNoConnection()
    {
        using var library = BuiltLibrary.Read();

        Assert.DoesNotContain(library.MainModule.GetTypeReferences(), type => type.FullName != HtmlDecoder && (type.Namespace == "System.Net" || type.Namespace.StartsWith("System.Net.", StringComparison.Ordinal)));
    }

    [Fact]
    public void Library_MethodsItCalls_RunNoForeignCode()
    {
        using var library = BuiltLibrary.Read();

        var offences = library.MainModule.GetMemberReferences().OfType<MethodReference>().Where(method => RunsForeignCode.Any(each => $"{method.DeclaringType.FullName}::{method.Name}(".StartsWith(each, StringComparison.Ordinal)));
        // Of an object's own type is no name from a file.
        Assert.Empty(offences.Where(method => method is not { Name: "GetType", HasThis: true }).Select(method => method.FullName));
    }

    [Fact]
    public void Library_RuleCanFail_ReferencesAreSeen()
    {
        using var library = BuiltLibrary.Read();

        Assert.Contains(library.MainModule.GetTypeReferences(), type => type.FullName == HtmlDecoder);
    }
}
