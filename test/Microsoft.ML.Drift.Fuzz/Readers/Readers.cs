namespace Microsoft.ML.Drift.Fuzz;

/// <summary>All readers of the product that take what others made.</summary>
internal static class Readers
{
    public static IReadOnlyList<Reader> All { get; } =
    [
        new SafetensorsReader(), new ShardIndexReader(), new GgufHeaderReader(), new GgufTensorReader(), new GgufTokenizerMetadataReader(),
        new ConfigReader(), new GenerationConfigReader(), new AdapterConfigReader(), new ModelFolderReader(),
        new TokenizerReader(), new TokenizerConfigReader(), new TemplateReader(), new TemplateLimitReader(),
        new RowReader("jsonl-dsat", RowReader.Dissatisfaction), new RowReader("jsonl-pairs", RowReader.Pairs), new RowReader("jsonl-logs", RowReader.Logs), new RowReader("jsonl-sft", RowReader.Completions),
        new ChatTextReader(), new RecipeReader(), new ModelZipReader(), new MlNetZipReader(),
        new JournalReader(), new RunIdentityReader(), new StageSummaryReader(), new CheckpointReader(), new MetricsReader(),
    ];
}
