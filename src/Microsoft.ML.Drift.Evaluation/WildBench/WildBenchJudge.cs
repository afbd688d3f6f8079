using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.Drift.Evaluation.Judging;

namespace Microsoft.ML.Drift.Evaluation.WildBench;

/// <summary>A session with a model's output.</summary>
/// <param name="SessionId">The session's name; with a baseline it also decides which output is shown first.</param>
/// <param name="Query">The user's last message.</param>
/// <param name="Output">The model's output.</param>
public sealed record WildBenchExample(string SessionId, string Query, string Output)
{
    /// <summary>The conversation before the last message; empty if there is none.</summary>
    public string History { get; init; } = "";

    /// <summary>What a judge should look at, point by point; may be empty.</summary>
    public IReadOnlyList<string> Checklist { get; init; } = [];

    /// <summary>The baseline's output; needed for comparisons.</summary>
    public string? BaselineOutput { get; init; }

    /// <summary>The session's task groups; see <see cref="WildBenchTasks"/>.</summary>
    public IReadOnlyList<string> TaskGroups { get; init; } = [];
}

/// <summary>How WildBench's judge is asked.</summary>
public sealed record WildBenchJudgeOptions
{
    /// <summary>The prompt of scores, with places <c>{$history}</c>, <c>{$user_query}</c>, <c>{$checklist}</c>, <c>{$model_output}</c>. The default is written for this library; WildBench's own is in its repository.</summary>
    public JudgeTemplate ScoreTemplate { get; init; } = WildBenchPrompts.Score;

    /// <summary>The prompt of comparisons, with places <c>{$history}</c>, <c>{$user_query}</c>, <c>{$checklist}</c>, <c>{$candidate_A}</c>, <c>{$candidate_B}</c>. The default is written for this library.</summary>
    public JudgeTemplate ComparisonTemplate { get; init; } = WildBenchPrompts.Comparison;

    /// <summary>How replies are read. Default: lenient, as upstream's interactive mode; the published figures are strict.</summary>
    public ReplyParsing Parsing { get; init; } = ReplyParsing.Lenient;

    /// <summary>
    /// Whether empty outputs are shown to the judge, as for all published figures (the default). If not, an empty output scores 1 and loses clearly, and two empty ones tie, without a question.
    /// </summary>
    public bool JudgesEmptyOutputs { get; init; } = true;

    /// <summary>Every text is cut to this many words, told by spaces, and marked <c>... (truncated)</c>; at least 1. Null (the default): not at all.</summary>
    public int? MaxWords { get; init; }

    /// <summary>In which order the judge sees two outputs. With both orders each session gives two rows. Default: one order, by the session's name.</summary>
    public JudgeOrder Order { get; init; } = JudgeOrder.ByQuestion;

    /// <summary>The longest reply, in tokens, at least 1; default 2048.</summary>
    public int MaxOutputTokens { get; init; } = 2048;
}

/// <summary>Lets a judge score outputs, or compare them with a baseline's, WildBench's way.</summary>
/// <param name="judge">The judge; it stays the caller's.</param>
/// <param name="options">How to ask; null for the defaults.</param>
public sealed class WildBenchJudge(Judge judge, WildBenchJudgeOptions? options = null)
{
    private readonly WildBenchJudgeOptions _options = options ?? new();

    /// <summary>Scores every output. Sessions whose judgement cannot be read are left out, as upstream does.</summary>
    /// <param name="examples">The sessions.</param>
    /// <param name="progress">Told after each question; may be null.</param>
    /// <param name="cancellationToken">Gives up; replies that came stay in the judge's cache.</param>
    /// <returns>Rows for <see cref="WildBenchScoreMetrics.Compute"/>.</returns>
    /// <exception cref="ArgumentException">An option is bad.</exception>
    /// <exception cref="JudgeException">The judge cannot be asked.</exception>
    public async Task<IReadOnlyList<WildBenchScoreRow>> ScoreAsync(IReadOnlyList<WildBenchExample> examples, IProgress<JudgeProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(examples);
        Validate();
        var asked = examples.Where(example => NeedsQuestion(example)).ToList();
        var answers = new Queue<JudgeAnswer<double>>(await judge.AskAsync<double>([.. asked.Select(ScoreQuestion)], ReadScore, progress, cancellationToken).ConfigureAwait(false));
        var rows = new List<WildBenchScoreRow>();
        foreach (var example in examples)
        {
            if (!NeedsQuestion(example)) rows.Add(Row(example, 1));
            else if (answers.Dequeue() is { IsAnswered: true } answer) rows.Add(Row(example, answer.Value));
        }
        return rows;

        bool NeedsQuestion(WildBenchExample example) => _options.JudgesEmptyOutputs || !IsEmpty(example.Output);
    }

    /// <summary>Compares every output with the baseline's. Sessions whose judgement cannot be read are left out, as upstream does.</summary>
    /// <param name="examples">The sessions; each has a <see cref="WildBenchExample.BaselineOutput"/>.</param>
    /// <param name="progress">Told after each question; may be null.</param>
    /// <param name="cancellationToken">Gives up; replies that came stay in the judge's cache.</param>
    /// <returns>Rows for <see cref="WildBenchRewardMetrics.Compute"/>.</returns>
    /// <exception cref="ArgumentException">An option is bad, or a session has no baseline output.</exception>
    /// <exception cref="JudgeException">The judge cannot be asked.</exception>
    public async Task<IReadOnlyList<WildBenchComparison>> CompareAsync(IReadOnlyList<WildBenchExample> examples, IProgress<JudgeProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(examples);
        Validate();
        if (examples.FirstOrDefault(example => example.BaselineOutput is null) is { } lacking) throw new ArgumentException($"Session \"{lacking.SessionId}\" has no BaselineOutput to compare with.", nameof(examples));
        var orders = examples.SelectMany(example => Orders(example).Select(baselineFirst => (Example: example, BaselineFirst: baselineFirst, Known: WithoutQuestion(example)))).ToList();
        var asked = orders.Where(each => each.Known is null).ToList();
        var answers = new Queue<JudgeAnswer<WildBenchOutcome>>(
            await judge.AskAsync<WildBenchOutcome>([.. asked.Select(each => ComparisonQuestion(each.Example, each.BaselineFirst))], ReadChoice, progress, cancellationToken).ConfigureAwait(false));
        var rows = new List<WildBenchComparison>();
        foreach (var (example, baselineFirst, known) in orders)
        {
            var outcome = known;
            if (known is null && answers.Dequeue() is { IsAnswered: true } answer) outcome = baselineFirst ? (WildBenchOutcome)(-(int)answer.Value) : answer.Value;
            if (outcome is { } verdict) rows.Add(Row(example, verdict));
        }
        return rows;
    }

    private void Validate()
    {
        if (_options.MaxWords is < 1) throw new ArgumentException($"{nameof(WildBenchJudgeOptions)}: MaxWords is {_options.MaxWords}; it must be at least 1, or null.");
    }

    private WildBenchScoreRow Row(WildBenchExample example, double score)
    {
        var output = Shown(example.Output);
        return new WildBenchScoreRow
        {
            SessionId = example.SessionId, Score = score, OutputLength = TextLength.Of(output), IsEmpty = IsEmpty(output), IsTruncated = WildBenchFiles.IsTruncated(output), TaskGroups = [.. example.TaskGroups],
        };
    }

    private WildBenchComparison Row(WildBenchExample example, WildBenchOutcome outcome)
    {
        var (output, baseline) = (Shown(example.Output), Shown(example.BaselineOutput!));
        return new WildBenchComparison
        {
            SessionId = example.SessionId, Outcome = (int)outcome, OutputLength = TextLength.Of(output), BaselineLength = TextLength.Of(baseline),
            IsSkipped = WildBenchFiles.IsLeftOut(output) || WildBenchFiles.IsLeftOut(baseline), TaskGroups = [.. example.TaskGroups],
        };
    }

    private WildBenchOutcome? WithoutQuestion(WildBenchExample example) => _options.JudgesEmptyOutputs ? null : (IsEmpty(example.Output), IsEmpty(example.BaselineOutput!)) switch
    {
        (true, true) => WildBenchOutcome.Tie,
        (true, false) => WildBenchOutcome.MuchWorse,
        (false, true) => WildBenchOutcome.MuchBetter,
        _ => null,
    };

    // The order is as good as random, and the same in every run.
    private IEnumerable<bool> Orders(WildBenchExample example) =>
        _options.Order == JudgeOrder.Both ? [false, true] : [(SHA256.HashData(Encoding.UTF8.GetBytes(example.SessionId))[0] & 1) == 1];

    private JudgeQuestion ScoreQuestion(WildBenchExample example)
    {
        var values = Common(example);
        values["model_output"] = Shown(example.Output);
        return Question(_options.ScoreTemplate, example.SessionId, values);
    }

    private JudgeQuestion ComparisonQuestion(WildBenchExample example, bool baselineFirst)
    {
        var values = Common(example);
        var (own, baseline) = (Shown(example.Output), Shown(example.BaselineOutput!));
        (values["candidate_A"], values["candidate_B"]) = baselineFirst ? (baseline, own) : (own, baseline);
        return Question(_options.ComparisonTemplate, baselineFirst ? $"{example.SessionId}, baseline first" : $"{example.SessionId}, model first", values);
    }

    private JudgeQuestion Question(JudgeTemplate template, string id, Dictionary<string, string> values) => new(id, template.Version, template.Render(values)) { MaxOutputTokens = _options.MaxOutputTokens };

    private Dictionary<string, string> Common(WildBenchExample example) => new()
    {
        ["history"] = Cut(example.History), ["user_query"] = Cut(example.Query), ["checklist"] = string.Join('\n', example.Checklist.Select(point => $"- {point}")),
    };

    private string Shown(string output) => Cut(output).Trim();

    private string Cut(string text)
    {
        if (_options.MaxWords is not { } most) return text;
        var words = text.Split(' ');
        return words.Length <= most ? text : string.Join(' ', words.Take(most)) + "... (truncated)";
    }

    private static bool IsEmpty(string output) => string.IsNullOrWhiteSpace(output);

    private bool ReadScore(JudgeReply reply, out double score, out string problem) => WildBenchReply.TryParseScore(reply.Text, _options.Parsing, out score, out problem);

    private bool ReadChoice(JudgeReply reply, out WildBenchOutcome outcomeOfA, out string problem) => WildBenchReply.TryParseChoice(reply.Text, _options.Parsing, out outcomeOfA, out problem);
}

/// <summary>The prompts of this library, which ask for the replies that <see cref="WildBenchReply"/> reads.</summary>
internal static class WildBenchPrompts
{
    private const string Task = """
        <conversation_so_far>
        {$history}
        </conversation_so_far>

        <last_message>
        {$user_query}
        </last_message>

        <points_to_check>
        {$checklist}
        </points_to_check>


        """;

    public static readonly JudgeTemplate Score = new("drift-wildbench-score-1", null, "You grade an assistant's answer to the last message of a conversation.\n\n" + Task + """
        <answer>
        {$model_output}
        </answer>

        First weigh what is good and what is bad about the answer, going through the points to check. Then give a whole number from 1 to 10:
        1-2 useless or wrong throughout; 3-4 mostly wrong or missing what was asked; 5-6 some help, with clear faults; 7-8 good, with small faults; 9-10 nothing important to improve.

        Reply with one JSON object and nothing else:
        {"strengths": "what is good", "weaknesses": "what is bad", "score": "1 to 10"}
        """);

    public static readonly JudgeTemplate Comparison = new("drift-wildbench-comparison-1", null, "You compare two assistants' answers to the last message of a conversation.\n\n" + Task + """
        <answer_A>
        {$candidate_A}
        </answer_A>

        <answer_B>
        {$candidate_B}
        </answer_B>

        First weigh both answers, going through the points to check. The order of the answers and their length as such must not count. Then choose:
        A++ if A is much better, A+ if A is slightly better, A=B if they are equally good, B+ if B is slightly better, B++ if B is much better.

        Reply with one JSON object and nothing else:
        {"analysis of A": "…", "analysis of B": "…", "choice": "A++ or A+ or A=B or B+ or B++"}
        """);
}
