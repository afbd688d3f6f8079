using System.CommandLine;
using System.Text.Json;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift generate</c>: prompts to answers.</summary>
internal static class GenerateCommand
{
    private static readonly Option<int> NumSamples = new("--num-samples")
    {
        Description = "Answers for each prompt; each is a line of the output, in order.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    public static CliCommand Create()
    {
        var command = new CliCommand("generate", """
            Prompts to answers: {"prompt": messages or text} or {"input_ids":[...]} in; {"output_ids":[...], "text", "finish_reason", "log_probs":[...]} out.
            Text prompts are taken as they are; message lists go through the model's chat template.

            Example: echo '{"prompt":[{"role":"user","content":"Hi"}]}' | drift generate --model models/SmolLM2-135M-Instruct --temperature 0 --max-new-tokens 32
            """)
        {
            CommonOptions.Model, CommonOptions.Adapter, CommonOptions.BaseModel, CommonOptions.Input, CommonOptions.Output,
            NumSamples,
        };
        GenerationSettings.AddTo(command);
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var options = GenerationSettings.Read(parsed);
        var samples = parsed.GetValue(NumSamples);
        if (samples < 1) throw new InvalidInputException($"--num-samples is {samples}; it must be at least 1.");
        var lines = JsonLinesInput.Read(parsed.GetValue(CommonOptions.Input)!).ToList();

        using var model = ModelOptions.Open(parsed);
        var requests = lines.SelectMany((line, row) =>
        {
            var ids = Prompts.Ids(line, model);
            return Enumerable.Range(0, samples).Select(sample => new GenerationRequest($"row-{row}", ids) { SampleNumber = sample });
        }).ToList();

        var engine = new GenerationEngine(model, options, GenerationSettings.ReadBatching(parsed));
        var results = ProgressDisplay.Run(progress => engine.Generate(
            requests,
            new Relay<GenerationProgress>(value => progress.Report(new("Generating", value.FinishedRows, value.TotalRows, $"{value.TokensPerSecond:0} tokens/s"))),
            cancellationToken: cancellation));

        using var output = new JsonLinesOutput(parsed.GetValue(CommonOptions.Output)!);
        foreach (var result in results) output.Write(json => Write(json, result));
        output.Complete();
        return ExitCodes.Done;
    }

    private static void Write(Utf8JsonWriter json, GenerationResult result)
    {
        json.WriteIds("output_ids", result.TokenIds);
        if (result.Text is not null) json.WriteString("text", result.Text);
        json.WriteString("finish_reason", result.FinishReason == FinishReason.Stop ? "stop" : "length");
        json.WriteNumbers("log_probs", result.LogProbs);
    }
}
