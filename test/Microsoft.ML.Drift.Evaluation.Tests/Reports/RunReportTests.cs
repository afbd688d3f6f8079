using Microsoft.ML.Drift.Evaluation.Reports;

namespace Microsoft.ML.Drift.Evaluation.Tests.Reports;

public sealed class RunReportTests : IDisposable
{
    private readonly RecordedRun _run = RecordedRun.Complete();

    public void Dispose() => _run.Dispose();

    private string Html() => RunReport.Load(_run.Folder).ToHtml();

    [Fact]
    public void Load_FinishedRun_IsCompleteAndHasNoNotices()
    {
        var report = RunReport.Load(_run.Folder);

        Assert.True(report.IsComplete);
        Assert.Empty(report.Notices);
    }

    [Fact]
    public void Load_FolderThatIsNeither_SaysWhatItLacks()
    {
        File.Delete(_run.At("run.json"));

        Assert.Contains("neither run.json", Assert.Throws<InvalidDataException>(() => RunReport.Load(_run.Folder)).Message);
        Assert.Contains("no such folder", Assert.Throws<DirectoryNotFoundException>(() => RunReport.Load(_run.At("nowhere"))).Message);
    }

    [Fact]
    public void Load_RunThatStoppedInItsSecondIteration_ShowsWhatIsThere_AndSaysSo()
    {
        Directory.Delete(_run.At("iter2", "model"));
        foreach (var file in new[] { "stage.json", "scores.test.jsonl", "samples.test.jsonl", "tokenization.json" }) File.Delete(_run.At("iter2", file));
        // The process died in the middle of a line.
        File.AppendAllText(_run.At("iter2", "metrics.jsonl"), """{"step":3,"epo""");
        File.AppendAllText(_run.At("iter2", "samples.jsonl"), """{"RowId":""");

        var report = RunReport.Load(_run.Folder);

        Assert.False(report.IsComplete);
        Assert.Contains("1 of 2 iterations are done, iter2 has begun", report.Notices[0]);
        Assert.Contains(report.Notices, notice => notice.Contains("metrics.jsonl: 1 line is not readable"));
        Assert.Contains(report.Notices, notice => notice.Contains("samples.jsonl: 1 line is not readable"));
        var html = report.ToHtml();
        Assert.Contains("Iteration 2 (not finished)", html);
        Assert.Contains("not finished</span>", html);
    }

    [Fact]
    public void Load_RunThatHasJustBegun_IsAReport()
    {
        using var begun = new RecordedRun();
        begun.WriteSettings(iterations: 2);

        var report = RunReport.Load(begun.Folder);

        Assert.Contains("0 of 2 iterations are done", Assert.Single(report.Notices));
        Assert.Contains("<h2 id=\"summary-h\">Summary</h2>", report.ToHtml());
    }

    [Fact]
    public void ToHtml_OutputOfATraining_HasItsCurves()
    {
        using var training = new RecordedRun();
        training.Write("config.json", "{}");
        File.Copy(_run.At("iter1", "metrics.jsonl"), training.At("metrics.jsonl"));

        var report = RunReport.Load(training.Folder);

        Assert.True(report.IsComplete);
        var html = report.ToHtml();
        Assert.Contains("<h3>Loss</h3>", html);
        Assert.Contains("loss goes from 0.6931 to 0.6000", html);
        Assert.DoesNotContain("id=\"pairs\"", html);
        Assert.DoesNotContain("id=\"stages\"", html);
    }

    [Fact]
    public void ToHtml_Figures_AreThoseOfTheFolder()
    {
        var html = Html();

        // Margins of iteration 2 are 0.3 and −0.15: mean 0.075, one of two above 0. Against iteration 1 (0.1, −0.05): +0.2 and −0.1, mean 0.05.
        Assert.Contains("<dt>Held-out margin</dt><dd><strong>+0.0750</strong>", html);
        Assert.Contains("<dt>Held-out accuracy</dt><dd><strong>50 %</strong>", html);
        Assert.Contains("change of the margin from the stage before</th><td class=\"n\">– <span class=\"interval\"></span></td><td class=\"n\">+0.0500", html);
        // Log-prob gains are ten times the margins: (3 − 1.5) / 2.
        Assert.Contains("<dt>Better answers</dt><dd><strong>+0.7500</strong>", html);
        Assert.Contains("<dt>Rows without a pair</dt><dd><strong>2</strong><span>33.3 %</span>", html);
        Assert.Contains("<dt>Time</dt><dd><strong>2 min 8 s</strong>", html);
        Assert.Contains("dropped: cut at the limit</th><td class=\"n\">1</td><td class=\"n\">0</td><td class=\"n\">1</td>", html);
        Assert.Contains("prompts cut before sampling</th><td class=\"n\">1</td>", html);
        Assert.Contains("prompt tokens cut</th><td class=\"n\">12</td>", html);
        Assert.Contains("in training: prompts cut to the longest prompt</th><td class=\"n\">1</td>", html);
        Assert.Contains("Rome is a city.", html);
        Assert.Contains("Rome is in Italy.", html);
        Assert.Contains("which country?", html);
    }

    [Fact]
    public void ToHtml_TwoHeldOutPairs_GetNoBootstrapInterval_AndAWarningThatTheyAreFew()
    {
        var html = Html();

        Assert.Contains("Only 2 pairs are held out", html);
        Assert.DoesNotContain("prefers the better answers more", html);
    }

    [Fact]
    public void ToHtml_ManyAgreeingPairs_SayThatTheModelIsBetter_AndNameOverOptimization()
    {
        // Forty pairs whose margin rose although the better answer became less likely.
        var scores = Enumerable.Range(0, 40).Select(i => FormattableString.Invariant($$"""{"id":"t{{i}}","margin":{{0.2 + i * 0.001}},"logps/chosen":-25,"logps/rejected":-60,"ref_logps/chosen":-20,"ref_logps/rejected":-30,"tokens/chosen":8,"tokens/rejected":4}"""));
        _run.Write("iter2/scores.test.jsonl", [.. scores]);

        var html = Html();

        Assert.Contains("Iteration 2 prefers the better answers more than the starting model does", html);
        Assert.Contains("became less likely (Δ log-prob −5 nats) while the margin grew", html);
    }

    [Fact]
    public void ToHtml_AnswersThatBeginAlike_AreNamed()
    {
        var lines = File.ReadAllLines(_run.At("iter1", "samples.jsonl"));
        var same = Enumerable.Range(0, 6).Select(i => $$"""{"RowId":"s{{i}}","ContentHash":"x","Chosen":"I am sorry for the trouble {{i}}","FinishReason":"Stop","Samples":1,"NewTokens":7,"PromptTokens":30,"Hazards":["InventedTurn"]}""");
        _run.Write("iter1/samples.jsonl", [.. lines, .. same]);

        var html = Html();

        Assert.Contains("6 of 8 chosen answers begin with the same words, “i am sorry for the …”", html);
        Assert.Contains("6 rows ran into hazards of paper mode", html);
        Assert.Contains("hazard: invented turn in the answer</th><td class=\"n\">6</td>", html);
    }

    [Fact]
    public void ToHtml_NumbersThatAreNotFinite_LeaveAGapAndAWarning()
    {
        File.AppendAllText(_run.At("iter2", "metrics.jsonl"), """{"step":3,"epoch":1.5,"loss":"NaN","grad_norm":"Infinity"}""" + "\n");

        var html = Html();

        Assert.Contains("1 line of metrics, the first at step 3, hold numbers that are not finite", html);
        Assert.DoesNotContain("NaN L", html);
        Assert.DoesNotContain("MNaN", html);
        Assert.DoesNotContain("LNaN", html);
        Assert.Contains("<td class=\"n\">NaN</td>", html);
    }

    [Fact]
    public void ToHtml_TextOfTheData_NeverBecomesMarkup()
    {
        const string Attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&<!-- \u0000\u0007";
        _run.Write("rows.test.jsonl", RecordedRun.Row("t1", Attack, Attack, Attack), RecordedRun.Row("<b>t2", "x", "y", "z"));
        _run.Write("answers.jsonl", System.Text.Json.JsonSerializer.Serialize(new { id = "t1", before = Attack, after = Attack + "." }));

        var html = Html();

        Assert.DoesNotContain("<script>alert", html);
        Assert.DoesNotContain("<img", html);
        Assert.DoesNotContain("<b>t2", html);
        Assert.DoesNotContain("<!--", html);
        Assert.DoesNotContain('\0', html);
        Assert.Contains("&lt;img src=x onerror=alert(2)&gt;&quot;&#39;&amp;&lt;!-- ␀␇", html);
        // The style sheet, the data and the program.
        Assert.Equal(2, html.Split("</script>").Length - 1);
    }

    [Fact]
    public void ToHtml_HalvesOfSurrogatePairs_BecomeReplacementCharacters()
    {
        _run.Write("rows.test.jsonl", """{"id":"t1","prompt":[{"role":"user","content":"half \ud83d here, \"whole\" \ud83d\ude00\n"}],"rejected":"\udc00","user_preference":{"content":"x"}}""");

        var html = Html();

        Assert.Contains("half \uFFFD here, &quot;whole&quot; 😀", html);
        Assert.Empty(RunReport.Load(_run.Folder).Notices);
    }

    [Fact]
    public void ToHtml_MessageOfTenMillionCharacters_IsCutWithANotice()
    {
        _run.Write("rows.test.jsonl", RecordedRun.Row("t1", new string('x', 10_000_000), "short", "complaint"));

        var html = Html();

        Assert.InRange(html.Length, 50_000, 500_000);
        Assert.Contains("9,996,000 more characters left out", html);
        Assert.Contains("Messages longer than 100,000 characters are cut here", html);
        Assert.Contains(",9900000]", html);
    }

    [Fact]
    public void ToHtml_LongTextsInMany_AreCutUntilTheFileIsSmallEnough()
    {
        // 600 rows of 40,000 characters would be 24 MB, and 40 MB with what HTML and JSON need escaped.
        var text = string.Concat(Enumerable.Repeat("long <text> ", 3300));
        _run.Write("rows.train.jsonl", [.. Enumerable.Range(0, 600).Select(i => RecordedRun.Row($"row-{i}", text, "no", "yes"))]);
        _run.Write("iter1/samples.jsonl", [.. Enumerable.Range(0, 600).Select(i => $$"""{"RowId":"row-{{i}}","ContentHash":"x","Chosen":"yes","FinishReason":"Stop","Samples":1,"NewTokens":1,"PromptTokens":1,"Hazards":[]}""")]);

        var bytes = System.Text.Encoding.UTF8.GetByteCount(Html());

        Assert.InRange(bytes, 8_000_000, 30_000_000);
    }

    [Fact]
    public void ToHtml_LoadsNothing()
    {
        var html = Html();

        Assert.Contains("default-src 'none'", html);
        // Namespaces of SVG are names, not addresses that are loaded; they stand in the program alone.
        Assert.DoesNotContain("src=", html.Replace("-src ", "", StringComparison.Ordinal));
        Assert.DoesNotContain("@import", html);
        Assert.DoesNotContain("url(", html);
        Assert.DoesNotContain("https:", html);
    }

    [Fact]
    public void SaveAsHtml_WritesWholeFiles_AndLeavesNoOther()
    {
        File.WriteAllText(_run.At("report.html"), "old");

        RunReport.Load(_run.Folder).SaveAsHtml(_run.At("report.html"));

        Assert.EndsWith("</html>\n", File.ReadAllText(_run.At("report.html")));
        Assert.Empty(Directory.GetFiles(_run.Folder, "*.tmp"));
    }

    [Fact]
    public void Load_RunWithoutComplaints_TakesConversationsFromItsPairs()
    {
        // As run folders were before the complaints were kept.
        foreach (var file in new[] { "rows.train.jsonl", "rows.test.jsonl", "answers.jsonl" }) File.Delete(_run.At(file));
        _run.Write("iter1/pairs.train.jsonl", """{"id":"a","prompt":[{"role":"user","content":"An old question"}],"chosen":[{"role":"assistant","content":"yes"}],"rejected":[{"role":"assistant","content":"An old answer"}]}""");

        var html = Html();

        Assert.Contains("An old question", html);
        Assert.Contains("An old answer", html);
    }

    [Fact]
    public void Load_SeedStage_ShowsItsPairsAsGiven()
    {
        _run.Write("seed/pairs.train.jsonl", """{"id":"s1","prompt":[{"role":"user","content":"A seed question"}],"chosen":"good","rejected":"bad"}""");
        _run.Write("seed/metrics.jsonl", """{"step":1,"epoch":1,"loss":0.7}""");
        Directory.CreateDirectory(_run.At("seed", "model"));

        var html = Html();

        Assert.Contains("Seed stage", html);
        Assert.Contains("a seed stage · 2 iterations", html);
        Assert.Contains("A seed question", html);
    }
}
