namespace Microsoft.ML.Drift.Benchmarks;

/// <summary>One mode of the program: measures, prints, and writes sections of the machine's page.</summary>
internal interface IBenchmark
{
    /// <summary>The mode's name on the command line.</summary>
    string Mode { get; }

    void Run(BenchmarkOptions options, ResultPage page);
}
