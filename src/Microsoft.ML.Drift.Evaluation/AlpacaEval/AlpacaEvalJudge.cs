using Microsoft.ML.Drift.Evaluation.Judging;

namespace Microsoft.ML.Drift.Evaluation.AlpacaEval;

/// <summary>Two answers to judge against each other.</summary>
/// <param name="Instruction">The instruction both answer.</param>
/// <param name="BaselineOutput">The baseline's answer.</param>
/// <param name="Output">The model's answer.</param>
public sealed record AlpacaEvalExample(string Instruction, string BaselineOutput, string Output);

/// <summary>How AlpacaEval's judge is asked.</summary>
public sealed record AlpacaEvalJudgeOptions
{
    /// <summary>
    /// The prompt, with places <c>{$instruction}</c>, <c>{$output_1}</c> (shown first, called m) and <c>{$output_2}</c> (shown second, called M). The default is written for this library: win rates by it cannot be
    /// compared with the leaderboard's, whose prompt AlpacaEval's repository has.
    /// </summary>
    public JudgeTemplate Template { get; init; } = DefaultTemplate;

    /// <summary>In which order the judge sees the answers. Default: by AlpacaEval's rule.</summary>
    public JudgeOrder Order { get; init; } = JudgeOrder.ByQuestion;

    /// <summary>The longest reply, at least 1; default 1, as only the first token is read.</summary>
    public int MaxOutputTokens { get; init; } = 1;

    /// <summary>The baseline's name in the annotations.</summary>
    public string BaselineName { get; init; } = "baseline";

    /// <summary>The model's name in the annotations.</summary>
    public string ModelName { get; init; } = "model";

    private static readonly JudgeTemplate DefaultTemplate = new(
        "drift-alpaca-eval-1",
        "You compare two answers to the same instruction and say which one people would like better. You reply with one letter and nothing else.",
        """
        Two models, m and M, answered an instruction. Which answer would most people prefer? Weigh whether it does what was asked, whether it is right, complete and clear. A longer answer is not better because it is longer.

        <instruction>
        {$instruction}
        </instruction>

        <answer model="m">
        {$output_1}
        </answer>

        <answer model="M">
        {$output_2}
        </answer>

        Reply with the letter of the better answer's model, m or M, and nothing else.
        """);
}

/// <summary>Lets a judge compare a model's answers with a baseline's, AlpacaEval 2's way.</summary>
/// <param name="judge">The judge; it stays the caller's.</param>
/// <param name="options">How to ask; null for the defaults.</param>
public sealed class AlpacaEvalJudge(Judge judge, AlpacaEvalJudgeOptions? options = null)
{
    private const int Candidates = 5;

    private readonly AlpacaEvalJudgeOptions _options = options ?? new();

    /// <summary>Judges every example.</summary>
    /// <remarks>
    /// The preference comes from the judge's log-probabilities of m and M where its client gives them, else from the letter it wrote, as a sure judgement. Equal answers are a tie without a question.
    /// An example without a readable judgement, in either order if both are asked, has no preference.
    /// </remarks>
    /// <param name="examples">The examples.</param>
    /// <param name="progress">Told after each question; may be null.</param>
    /// <param name="cancellationToken">Gives up; replies that came stay in the judge's cache.</param>
    /// <returns>Annotations in the order of the examples, for <see cref="AlpacaEvalMetrics.Compute"/>.</returns>
    /// <exception cref="ArgumentException">The template does not fit.</exception>
    /// <exception cref="JudgeException">The judge cannot be asked.</exception>
    public async Task<IReadOnlyList<AlpacaEvalAnnotation>> AnnotateAsync(IReadOnlyList<AlpacaEvalExample> examples, IProgress<JudgeProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(examples);
        var asked = examples.SelectMany((example, row) => Orders(example).Select(switched => (Row: row, Switched: switched, Question: Question(example, row, switched)))).ToList();
        var answers = await judge.AskAsync<double>([.. asked.Select(each => each.Question)], ReadFirstShown, progress, cancellationToken).ConfigureAwait(false);
        var preferences = asked.Zip(answers)
            .GroupBy(each => each.First.Row)
            .ToDictionary(group => group.Key, group => group.Average(each => each.Second.IsAnswered ? (each.First.Switched ? 1 + each.Second.Value : 2 - each.Second.Value) : double.NaN));
        return [.. examples.Select((example, row) => new AlpacaEvalAnnotation
        {
            Row = row, Instruction = example.Instruction, Output1 = example.BaselineOutput, Output2 = example.Output,
            Generator1 = _options.BaselineName, Generator2 = _options.ModelName, Annotator = _options.Template.Version,
            BaselineLength = TextLength.Of(example.BaselineOutput), OutputLength = TextLength.Of(example.Output),
            Preference = preferences.TryGetValue(row, out var preference) ? preference : JudgePreference.Tie,
        })];
    }

    private IEnumerable<bool> Orders(AlpacaEvalExample example) =>
        example.Output == example.BaselineOutput ? [] : _options.Order == JudgeOrder.Both ? [false, true] : [PresentationOrder.IsSwitched(example.Instruction)];

    private JudgeQuestion Question(AlpacaEvalExample example, int row, bool switched)
    {
        var (first, second) = switched ? (example.Output, example.BaselineOutput) : (example.BaselineOutput, example.Output);
        var messages = _options.Template.Render(new Dictionary<string, string> { ["instruction"] = example.Instruction, ["output_1"] = first, ["output_2"] = second });
        return new JudgeQuestion(switched ? $"row {row}, model first" : $"row {row}, baseline first", _options.Template.Version, messages) { MaxOutputTokens = _options.MaxOutputTokens, TopLogProbs = Candidates };
    }

    /// <summary>The probability that the output shown first is the better one.</summary>
    private static bool ReadFirstShown(JudgeReply reply, out double probabilityOfFirst, out string problem)
    {
        (probabilityOfFirst, problem) = (double.NaN, "");
        if (reply.Candidates is { } candidates && JudgePreference.FromLogProbs(candidates, switched: true) is { } preference) probabilityOfFirst = preference - 1;
        else if (reply.Candidates is null && reply.Text.Trim() is JudgePreference.First or JudgePreference.Second) probabilityOfFirst = reply.Text.Trim() == JudgePreference.First ? 1 : 0;
        else problem = $"it must be the letter {JudgePreference.First} or {JudgePreference.Second}.";
        return problem.Length == 0;
    }
}
