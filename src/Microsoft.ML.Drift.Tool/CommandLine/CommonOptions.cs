using System.CommandLine;

namespace Microsoft.ML.Drift.Tool;

/// <summary>Options that several commands share; each command adds those it heeds.</summary>
internal static class CommonOptions
{
    public static readonly Option<bool> Verbose = new("--verbose") { Description = "Show where an error came from.", Recursive = true };

    public static readonly Option<string> Model = new("--model")
    {
        Description = "A Hugging Face folder, a GGUF file, a folder whose only weights are one GGUF file, or a saved model zip.",
        HelpName = "PATH",
        Required = true,
    };

    public static readonly Option<string?> Adapter = new("--adapter")
    {
        Description = "A PEFT adapter folder to put on the model.",
        HelpName = "PATH",
    };

    public static readonly Option<string?> BaseModel = new("--base-model")
    {
        Description = "Where the base model lies, if --model is an adapter without it.",
        HelpName = "PATH",
    };

    public static readonly Option<string> Input = new("--input")
    {
        Description = "JSON Lines; - is standard input.",
        HelpName = "FILE",
        DefaultValueFactory = _ => "-",
    };

    public static readonly Option<string> Output = new("--output")
    {
        Description = "JSON Lines, written whole or not at all; - is standard output.",
        HelpName = "FILE",
        DefaultValueFactory = _ => "-",
    };

    public static readonly Option<int> Threads = new("--threads")
    {
        Description = "Threads for tensor operations; 0 takes the machine's cores.",
        HelpName = "N",
        Recursive = true,
    };

    public static readonly Option<string> Device = new("--device")
    {
        Description = "Where tensors live: cpu, cuda or cuda:N.",
        HelpName = "DEVICE",
        Recursive = true,
        DefaultValueFactory = _ => "cpu",
    };

    public static readonly Option<string> Dtype = new Option<string>("--dtype")
    {
        Description = "Precision of the computation.",
        DefaultValueFactory = _ => "float32",
    }.AcceptOnlyFromAmong("float32", "bfloat16");

    public static readonly Option<int> Seed = new("--seed")
    {
        Description = "Seed of everything random.",
        HelpName = "N",
        Recursive = true,
        DefaultValueFactory = _ => 42,
    };
}
