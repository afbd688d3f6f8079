namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Which loss compares the policy with the reference on a preference pair.
/// </summary>
/// <remarks>
/// Letters: <c>w = log π(y_w|x) − log π_ref(y_w|x)</c> for the chosen answer, <c>l</c> the same for the rejected one, <c>z = w − l</c>,
/// <c>σ</c> the logistic function, <c>β</c> = Beta of the trainer's options, <c>ε</c> = its LabelSmoothing.
/// The names in TRL's <c>loss_type</c> stand at the end of each line. Where a line says so, <see cref="FDivergence"/> replaces <c>z</c>.
/// </remarks>
public enum PreferenceLossType
{
    /// <summary>
    /// DPO: <c>−(1−ε) log σ(βz) − ε log σ(−βz)</c>. Rafailov et al., arXiv 2305.18290, Eq. 7; the smoothed form is Mitchell's
    /// "conservative DPO". Honours <see cref="FDivergence"/>. TRL: <c>sigmoid</c>.
    /// </summary>
    Sigmoid,

    /// <summary>SLiC-HF's hinge on the DPO margin: <c>max(0, 1 − βz)</c>. Zhao et al., arXiv 2305.10425. Honours <see cref="FDivergence"/>. TRL: <c>hinge</c>.</summary>
    Hinge,

    /// <summary>
    /// IPO: <c>(z − 1/(2β))²</c> on log-probs averaged over each answer's tokens. Azar et al., arXiv 2310.12036, Eq. 17 (β is the paper's
    /// τ; the mean per token is the authors' later recommendation and TRL's rule). Honours <see cref="FDivergence"/>. TRL: <c>ipo</c>.
    /// </summary>
    Ipo,

    /// <summary>
    /// EXO on pairs, a reverse KL against the smoothed label: <c>σ(βz)[log σ(βz) − log(1−ε)] + σ(−βz)[log σ(−βz) − log ε]</c>. Ji et al.,
    /// arXiv 2402.00856, Eq. 16. An ε of 0 means 0.001 here, as the loss is infinite at 0. Honours <see cref="FDivergence"/>. TRL: <c>exo_pair</c>.
    /// </summary>
    ExoPair,

    /// <summary>NCA on pairs: <c>−log σ(βw) − ½ log σ(−βw) − ½ log σ(−βl)</c>. Chen et al., arXiv 2402.05369, pairwise case of NCA (section 4). TRL: <c>nca_pair</c>.</summary>
    NcaPair,

    /// <summary>
    /// Robust DPO, unbiased when labels flip with probability ε: <c>[−(1−ε) log σ(βz) + ε log σ(−βz)] / (1−2ε)</c>. Chowdhury et al.,
    /// arXiv 2403.00409, section 3. ε below ½. Honours <see cref="FDivergence"/>. TRL: <c>robust</c>.
    /// </summary>
    Robust,

    /// <summary>
    /// BCO on pairs: <c>−log σ(βw − δ) − log σ(−(βl − δ))</c>, where δ is the running mean of rewards, constant in the gradient. Jung et al.,
    /// arXiv 2404.04656, section 4 (reward shift). Each batch counts once in δ, whatever its size. TRL: <c>bco_pair</c>.
    /// </summary>
    BcoPair,

    /// <summary>SPPO with hard labels: <c>(w − 1/(2β))² + (l + 1/(2β))²</c>. Wu et al., arXiv 2405.00675, Eq. 4.7 with win probabilities 1 and 0. TRL: <c>sppo_hard</c>.</summary>
    SppoHard,

    /// <summary>
    /// AOT, unpaired: the smoothed sigmoid loss of <c>β(sort(log π(y_w) − log π(y_l)) − sort(log π_ref(y_w) − log π_ref(y_l)))</c> over the batch.
    /// Melnyk et al., arXiv 2406.05882, section 4. Losses come out in sorted order, and pairs of a batch depend on each other. TRL: <c>aot</c>.
    /// </summary>
    Aot,

    /// <summary>AOT, paired: the smoothed sigmoid loss of <c>β(sort(w) − sort(l))</c> over the batch. Melnyk et al., arXiv 2406.05882, section 3. TRL: <c>aot_pair</c>.</summary>
    AotPair,

    /// <summary>
    /// DiscoPOP, found by a language model: with <c>t = βz</c> and <c>m = σ(t/τ)</c>, <c>−(1−m) log σ(t) + m e^(−t)</c>. Lu et al.,
    /// arXiv 2406.08414, Eq. 5. Overflows to NaN for very negative t, as the formula does. TRL: <c>discopop</c>.
    /// </summary>
    DiscoPop,

    /// <summary>APO-zero, raises chosen and lowers rejected: <c>1 − σ(βw) + σ(βl)</c>. D'Oosterlinck et al., arXiv 2408.06266, Eq. 7. TRL: <c>apo_zero</c>.</summary>
    ApoZero,

    /// <summary>APO-down, lowers both, rejected more: <c>σ(βw) + 1 − σ(βz)</c>. D'Oosterlinck et al., arXiv 2408.06266, Eq. 8. TRL: <c>apo_down</c>.</summary>
    ApoDown,
}
