using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;
using TorchSharp;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>ML.NET model files read by <see cref="CausalLM.Load"/>, without ML.NET's loader.</summary>
internal class ModelZipReader : Reader
{
    private static string s_guarded = "";

    private ZipInputs _inputs = null!;

    public override string Name => "model-zip";

    public override double Share => 0.04;

    protected override string? Where => FileName;

    private const string FileName = "input.zip";

    protected string Path { get; private set; } = "";

    public override void Prepare(string folder)
    {
        // Whatever is unpacked goes below the folder of the process; what appears in it elsewhere has escaped.
        s_guarded = Directory.CreateDirectory(System.IO.Path.Combine(folder, "guarded", "temporary")).FullName;
        Environment.SetEnvironmentVariable("TMPDIR", s_guarded);
        Path = System.IO.Path.Combine(folder, FileName);
        using var model = TinyModel.Create();
        var context = new MLContext();
        var transformer = new CausalLMTransformer(model, GenerationOptions.Greedy with { MaxNewTokens = 3 });
        var rows = context.Data.LoadFromEnumerable(Array.Empty<Row>());
        context.Model.Save(transformer, rows.Schema, Path);
        _inputs = new(File.ReadAllBytes(Path));
    }

    public override byte[] Next(FuzzRandom random) => _inputs.Next(random);

    public override void Read(byte[] input)
    {
        File.WriteAllBytes(Path, input);
        try
        {
            Load();
        }
        finally
        {
            Expect(Directory.GetFileSystemEntries(System.IO.Path.GetDirectoryName(s_guarded)!).Length == 1, "Nothing is unpacked outside the temporary folder.");
        }
    }

    // What ZipFile and the loader call it: a file that does not begin as zips do is taken for a GGUF file.
    protected virtual void Load()
    {
        using var model = CausalLM.Load(Path);
        Try(model);
    }

    protected static void Try(CausalLM model)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var ids = torch.tensor(new long[] { 1, 2, 3 }).unsqueeze(0);
        var mask = AttentionMask.Causal(torch.ones(1, 3, torch.ScalarType.Int64));
        model.Decoder.Logits(model.Decoder.forward(ids, mask.Positions, mask));
    }

    private sealed class Row
    {
        public string Prompt { get; set; } = "";
    }
}

/// <summary>The same files read by ML.NET's own loader, whose own errors are its own; what our code throws must be ours.</summary>
internal sealed class MlNetZipReader : ModelZipReader
{
    private readonly MLContext _context = new();

    public override string Name => "mlnet-zip";

    protected override string? Where => null;

    protected override void Load()
    {
        if (_context.Model.Load(Path, out _) is CausalLMTransformer { Model: var model })
            using (model) Try(model);
    }

    public override bool IsPromised(Exception error)
    {
        if (base.IsPromised(error)) return true;
        var frames = (error.StackTrace ?? "").Split('\n');
        return error is not (WrongResultException or OutOfMemoryException) && !frames.Any(frame => frame.Contains("Microsoft.ML.Drift", StringComparison.Ordinal) && !frame.Contains(".Fuzz.", StringComparison.Ordinal));
    }
}
