using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Benchmarks.Files;

/// <summary>Gigabytes per second of a checkpoint and of a model file, and how long the command line takes to say what it can do.</summary>
internal sealed class LoadingBenchmark : IBenchmark
{
    public string Mode => "loading";

    public void Run(BenchmarkOptions options, ResultPage page)
    {
        const string title = "loading";
        if (!options.Wants(title)) return;
        var (name, model) = BenchmarkModel.Load(options);
        var folder = Directory.CreateTempSubdirectory("drift-benchmark-").FullName;
        try
        {
            var (checkpoint, zip, raw) = (Path.Combine(folder, "model"), Path.Combine(folder, "model.zip"), Path.Combine(folder, "raw"));
            var ml = new MLContext(1);
            var transformer = new CausalLMTransformer(model, new());
            model.Save(checkpoint);
            var size = model.ParameterCount * sizeof(float);
            var source = new byte[Math.Min(size, 1 << 30)];
            Random.Shared.NextBytes(source);
            var times = Interleaved.Measure(options.Rounds,
                ("a memory copy of the weights into new memory", () => CopyMemory(source, size)), ("load the folder (safetensors)", () => CausalLM.Load(checkpoint).Dispose()),
                ("write a file of that size", () => WriteFile(raw, size)), ("ml.Model.Save", () => ml.Model.Save(transformer, null, zip)),
                ("ml.Model.Load", () => ((CausalLMTransformer)ml.Model.Load(zip, out _)).Model.Dispose()));
            page.Write($"{title}: {name}", $"{size / 1e6:F0} MB of float32 weights, files in the page cache.", "",
                ResultPage.Table(["", "time", "GB/s"], times.Select(time => (string[])[time.Name, time.ToString(), $"{size / time.Median / 1e9:F2}"])));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
            model.Dispose();
        }
        Start(options, page);
    }

    private static void Start(BenchmarkOptions options, ResultPage page)
    {
        if (Tool() is not { } tool) return;
        var time = Interleaved.Measure(options.Rounds, ("drift --help", () =>
        {
            using var process = Process.Start(new ProcessStartInfo("dotnet", [tool, "--help"]) { RedirectStandardOutput = true })!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
        }))[0];
        page.Write("loading: start of the tool", $"`drift --help` takes {time}.");
    }

    // The tool's own output folder, where it was built in this configuration.
    private static string? Tool()
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        for (var folder = output.Parent; folder is not null; folder = folder.Parent)
            if (Path.Combine(folder.FullName, "src", "Microsoft.ML.Drift.Tool", "bin", output.Parent!.Name, output.Name, "drift.dll") is var path && File.Exists(path)) return path;
        return null;
    }

    // Into new memory, as a model's weights are: the system has to find the pages.
    private static unsafe void CopyMemory(byte[] source, long size)
    {
        var target = (byte*)NativeMemory.Alloc((nuint)size);
        for (long copied = 0; copied < size; copied += source.Length)
        {
            var count = (int)Math.Min(source.Length, size - copied);
            source.AsSpan(0, count).CopyTo(new Span<byte>(target + copied, count));
        }
        NativeMemory.Free(target);
    }

    private static void WriteFile(string path, long size)
    {
        var piece = new byte[1 << 20];
        using var file = File.Create(path, 1);
        for (long written = 0; written < size; written += piece.Length) file.Write(piece);
    }
}
