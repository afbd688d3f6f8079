using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Preference;

public sealed partial class DpoTrainer
{
    internal static class Defaults
    {
        public const double Beta = 0.1;
        public const double RpoAlpha = 0.001;
    }

    /// <summary>Everything <see cref="DpoTrainer"/> can be told. The defaults are the DRIFT paper's (arXiv 2510.02341) for one iteration.</summary>
    public sealed record Options : TrainingOptions
    {
        /// <summary>The preference loss. Default <see cref="PreferenceLossType.Sigmoid"/>, DPO. TRL: <c>loss_type</c>.</summary>
        public PreferenceLossType Loss { get; init; } = PreferenceLossType.Sigmoid;

        /// <summary>β, the pull towards the reference and the scale of rewards. Greater than 0. Default 0.1. TRL: <c>beta</c>.</summary>
        public double Beta { get; init; } = DpoTrainer.Defaults.Beta;

        /// <summary>
        /// α of the term <c>α · NLL(chosen)</c> that is added to the preference loss (Iterative RPO, Pang et al., arXiv 2404.19733, Eq. 1, as TRL ≥ 0.10 writes it): the mean
        /// over all answer tokens of the step. At least 0; null: no such term. Default 0.001. TRL: <c>rpo_alpha</c>.
        /// </summary>
        public double? RpoAlpha { get; init; } = DpoTrainer.Defaults.RpoAlpha;

        /// <summary>
        /// ε, the probability that a label is wrong, in [0, ½); only in <see cref="PreferenceLossType.Sigmoid"/>, <see cref="PreferenceLossType.Robust"/>,
        /// <see cref="PreferenceLossType.ExoPair"/> and the AOT losses. Default 0. TRL: <c>label_smoothing</c>.
        /// </summary>
        public double LabelSmoothing { get; init; }

        /// <summary>
        /// Leave the reference out of the loss where the formula allows it; rewards are still measured against it. Default false. TRL: <c>reference_free</c>.
        /// </summary>
        public bool ReferenceFree { get; init; }

        /// <summary>The divergence behind the margin. Default <see cref="FDivergence.ReverseKl"/>. TRL: <c>f_divergence_type</c>.</summary>
        public FDivergence Divergence { get; init; } = FDivergence.ReverseKl;

        /// <summary>α of <see cref="FDivergence.Alpha"/>, not 0; only there. Default 1. TRL: <c>f_alpha_divergence_coef</c>.</summary>
        public double AlphaDivergenceCoefficient { get; init; } = 1;

        /// <summary>τ of <see cref="PreferenceLossType.DiscoPop"/>, greater than 0; only there. Default 0.05. TRL: <c>discopop_tau</c>.</summary>
        public double DiscoPopTemperature { get; init; } = 0.05;

        /// <summary>
        /// LD-DPO's α (arXiv 2409.06411): tokens beyond the length of the pair's shorter answer count this much, for policy and reference alike. In [0, 1]; null: off (the default).
        /// TRL: <c>ld_alpha</c>.
        /// </summary>
        public double? LengthDesensitizationAlpha { get; init; }

        /// <summary>
        /// WPO (arXiv 2406.11827): weighs each pair's preference loss by how likely the policy itself is to write both answers, at most 1. Default false. TRL: <c>use_weighting</c>.
        /// </summary>
        public bool WeightPairs { get; init; }

        /// <summary>TR-DPO: a reference that follows the policy; null (the default): it stays. TRL: <c>sync_ref_model</c>.</summary>
        public ReferenceSync? ReferenceSync { get; init; }

        /// <summary>Most tokens of prompt and answer together, at least 2; null: no limit. Default 2048. TRL: <c>max_length</c>.</summary>
        public int? MaxLength { get; init; } = 2048;

        /// <summary>Most tokens of the prompt, whose last ones are kept; null: no limit. Default 1024. TRL: <c>max_prompt_length</c>.</summary>
        public int? MaxPromptLength { get; init; } = 1024;

        /// <summary>Most tokens of an answer, whose first ones are kept; null (the default): no limit. TRL: <c>max_completion_length</c>.</summary>
        public int? MaxCompletionLength { get; init; }

        /// <summary>
        /// What gives way to <see cref="MaxLength"/>. Default <see cref="TruncationMode.KeepPromptEndAndCompletionStart"/>, where no answer is lost; TRL's
        /// default is <see cref="TruncationMode.KeepEnd"/>. TRL: <c>truncation_mode</c>.
        /// </summary>
        public TruncationMode Truncation { get; init; } = TruncationMode.KeepPromptEndAndCompletionStart;

        /// <summary>
        /// Train a fresh LoRA adapter instead of all weights; null (the default): all weights, or the adapter that the policy has. The reference is then the model without its
        /// adapter. TRL: <c>use_peft</c>, <c>lora_r</c> and so on.
        /// </summary>
        public LoraOptions? Lora { get; init; }

        /// <summary>The chat or text column that holds the prompts, also of the trained transformer. Default <c>Prompt</c>.</summary>
        public string PromptColumnName { get; init; } = ChatColumnNames.Prompt;

        /// <summary>The column of better answers: text, or chat where answers have several turns. Default <c>Chosen</c>.</summary>
        public string ChosenColumnName { get; init; } = ChatColumnNames.Chosen;

        /// <summary>The column of worse answers. Default <c>Rejected</c>.</summary>
        public string RejectedColumnName { get; init; } = ChatColumnNames.Rejected;

        internal SequenceLimits Limits => new()
        {
            MaxLength = MaxLength, MaxPromptLength = MaxPromptLength, MaxCompletionLength = MaxCompletionLength, Mode = Truncation,
        };

        internal TokenizationRules TokenizationRules => TrlCompatibility is null ? TokenizationRules.Sound : TokenizationRules.Trl;

        internal PreferenceColumns Columns => new() { Prompt = PromptColumnName, Chosen = ChosenColumnName, Rejected = RejectedColumnName };

        internal PreferenceObjectiveSettings ObjectiveSettings => new(
            new PreferenceLossSettings(Loss, Beta, LabelSmoothing, ReferenceFree, Divergence, AlphaDivergenceCoefficient, DiscoPopTemperature),
            RpoAlpha, LengthDesensitizationAlpha, WeightPairs, ReferenceSync, GradientAccumulationSteps, EvaluationBatchSize, TrlCompatibility, MaxMemory is not null);

        internal override IEnumerable<string> Problems() => base.Problems().Concat(LossProblems()).Concat(VariantProblems()).Concat(InputProblems());

        private IEnumerable<string> LossProblems()
        {
            if (!Enum.IsDefined(Loss)) yield return $"Loss is {Loss}; allowed are {Names<PreferenceLossType>()}.";
            if (!(Beta > 0 && double.IsFinite(Beta))) yield return $"Beta is {Beta}; it must be greater than 0.";
            if (RpoAlpha is { } alpha && !(alpha >= 0 && double.IsFinite(alpha))) yield return $"RpoAlpha is {alpha}; it must be at least 0, or null for no NLL term.";
            if (!(LabelSmoothing is >= 0 and < 0.5)) yield return $"LabelSmoothing is {LabelSmoothing}; it must be at least 0 and below 0.5.";
            else if (LabelSmoothing > 0 && !PreferenceLossSettings.HonoursLabelSmoothing(Loss)) yield return Ignored(nameof(LabelSmoothing));
            if (ReferenceFree && !PreferenceLossSettings.HonoursReferenceFree(Loss)) yield return Ignored(nameof(ReferenceFree));
        }

        private IEnumerable<string> VariantProblems()
        {
            if (!Enum.IsDefined(Divergence)) yield return $"Divergence is {Divergence}; allowed are {Names<FDivergence>()}.";
            else if (Divergence != FDivergence.ReverseKl && !PreferenceLossSettings.HonoursDivergence(Loss)) yield return Ignored(nameof(Divergence));
            if (AlphaDivergenceCoefficient == 0 || !double.IsFinite(AlphaDivergenceCoefficient))
                yield return $"AlphaDivergenceCoefficient is {AlphaDivergenceCoefficient}; it must not be 0.";
            else if (AlphaDivergenceCoefficient != 1 && Divergence != FDivergence.Alpha)
                yield return $"AlphaDivergenceCoefficient is {AlphaDivergenceCoefficient}, but Divergence is {Divergence}, which ignores it.";
            if (!(DiscoPopTemperature > 0)) yield return $"DiscoPopTemperature is {DiscoPopTemperature}; it must be greater than 0.";
            else if (DiscoPopTemperature != 0.05 && Loss != PreferenceLossType.DiscoPop) yield return Ignored(nameof(DiscoPopTemperature));
            if (LengthDesensitizationAlpha is { } ld && !(ld is >= 0 and <= 1)) yield return $"LengthDesensitizationAlpha is {ld}; it must be between 0 and 1.";
            if (ReferenceSync is { } sync && !(sync.MixupAlpha is > 0 and <= 1)) yield return $"ReferenceSync.MixupAlpha is {sync.MixupAlpha}; it must be above 0 and at most 1.";
            if (ReferenceSync is { Steps: < 1 }) yield return $"ReferenceSync.Steps is {ReferenceSync.Steps}; it must be at least 1.";
            if (TrlCompatibility is { PaddingFree: true } && (WeightPairs || LengthDesensitizationAlpha is not null))
                yield return "TRL 0.19.1 cannot combine padding_free with WPO or LD-DPO. Leave out TrlCompatibility.PaddingFree.";
        }

        private IEnumerable<string> InputProblems()
        {
            // TRL takes any number and gives 0 a meaning of its own.
            foreach (var problem in TrlCompatibility is null ? Limits.Problems() : []) yield return problem;
            foreach (var problem in Lora?.Problems() ?? []) yield return $"Lora: {problem}";
            if (ReferenceSync is not null && Lora is not null) yield return "ReferenceSync needs a reference with weights of its own, but Lora's is the model without its adapter. Set one of the two.";
            if (string.IsNullOrEmpty(PromptColumnName)) yield return "PromptColumnName is empty; name a column of the input.";
            if (string.IsNullOrEmpty(ChosenColumnName)) yield return "ChosenColumnName is empty; name a column of the input.";
            if (string.IsNullOrEmpty(RejectedColumnName)) yield return "RejectedColumnName is empty; name a column of the input.";
        }

        private string Ignored(string option) => $"{option} is set, but the loss {Loss} ignores it.";
    }
}
