using System.Globalization;
using Microsoft.ML.Drift.Browser;
using Microsoft.ML.Drift.Evaluation.Reports;

namespace Microsoft.ML.Drift.Evaluation.Tests.Reports;

/// <summary>The report in a real browser. Skipped where there is no Chromium.</summary>
public sealed class ReportPageTests(Chromium chromium) : IClassFixture<Chromium>
{
    private const string Lines = "#rows tbody tr:not(.detail)";

    [Fact]
    public async Task Open_CompleteRun_HasNoErrorAndAsksForNothing()
    {
        using var run = RecordedRun.Complete();
        await using var page = await Open(run);

        Assert.Equal(10, await page.Count(Lines)); // 3 rows and 2 held-out ones, in two iterations
        Assert.Equal(["10 rows; 1 to 10 shown."], await page.Texts("#count"));
        Assert.Empty(page.Problems);
        Assert.Equal([Address(run).AbsoluteUri], page.Requests);
    }

    [Fact]
    public async Task Sort_ByMarginWithTheKeyboard_OrdersRows_AndTellsAssistiveTechnology()
    {
        using var run = RecordedRun.Complete();
        await using var page = await Open(run);

        await page.Focus("[data-sort=margin]");
        await page.Press("Enter");
        Assert.Equal("ascending", await page.Attribute("th:has([data-sort=margin])", "aria-sort"));
        Assert.Equal(["−0.1500", "0", "0", "+0.1000", "+0.3000", "+0.3000", "–", "–", "–", "–"], await Column(page, 5));

        await page.Press("Enter");
        Assert.Equal("descending", await page.Attribute("th:has([data-sort=margin])", "aria-sort"));
        Assert.Equal(["+0.3000", "+0.3000", "+0.1000", "0", "0", "−0.1500", "–", "–", "–", "–"], await Column(page, 5));

        await page.Press("Enter");
        Assert.Equal("none", await page.Attribute("th:has([data-sort=margin])", "aria-sort"));
    }

    [Fact]
    public async Task Filter_BySearchAndVerdict_KeepsWhatFits()
    {
        using var run = RecordedRun.Complete();
        await using var page = await Open(run);

        await page.Fill("#q", "MOON cheese");
        await Says(page, "2 of 10 rows; 1 to 2 shown.");
        await page.Click("button[type=reset]");
        await Says(page, "10 rows; 1 to 10 shown.");
        await page.Choose("#f-verdict", "cut at the limit");
        await Says(page, "2 of 10 rows; 1 to 2 shown.");
        await page.Fill("#q", "nothing like this");
        await Says(page, "No row of 10 fits. Clear the filters to see all of them.");
    }

    [Fact]
    public async Task Row_Opened_ShowsConversationComplaintBothAnswersAndProvenance()
    {
        using var run = RecordedRun.Complete();
        await using var page = await Open(run);
        const string Toggle = "#rows tbody tr:nth-child(2) .toggle"; // row a was the second to be sampled
        Assert.Equal(["a"], await page.Texts(Toggle));
        Assert.Contains("button: a", await page.AccessibleNames());

        await page.Focus(Toggle);
        await page.Press("Space");

        Assert.Equal("true", await page.Attribute(Toggle, "aria-expanded"));
        var detail = Assert.Single(await page.Texts(".detail"));
        Assert.All(
            ["How old is the moon?", "Made of cheese.", "that is not what I asked", "About 4.5 billion years.", "seed 42, iteration 1, sample 0, this row id", "an end token or stop text", "12 tokens; 1 messages left out"],
            text => Assert.Contains(text, detail));
        await page.Click(Toggle);
        Assert.Equal(0, await page.Count(".detail"));
    }

    [Fact]
    public async Task Chart_ArrowKeys_ReadItsNumbers()
    {
        using var run = RecordedRun.Complete();
        await using var page = await Open(run);

        await page.Focus("#chart-0");
        await page.Press("ArrowRight");
        await page.Press("ArrowRight");

        Assert.Equal(["iter1, step 2: loss 0.6000, loss, held out 0.5500"], await page.Texts("#chart-0 .readout"));
    }

    [Fact]
    public async Task Open_HostileTexts_ShowsThemAsTheyAre()
    {
        const string Attack = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> \"q\" שלום 😀";
        using var run = RecordedRun.Complete();
        run.Write("rows.train.jsonl", RecordedRun.Row("a", Attack, Attack, Attack), RecordedRun.Row("b", new string('x', 3_000_000), "no", "y"));
        await using var page = await Open(run);

        while (await page.Count(".toggle[aria-expanded=false]") > 0) await page.Click(".toggle[aria-expanded=false]");

        Assert.DoesNotContain("owned", await page.Evaluate<string>("document.title"));
        Assert.Contains(Attack, (await page.Texts(".detail"))[1]);
        Assert.Contains("2,900,000 more characters left out", Assert.Single(await page.Texts("#rows")));
        Assert.Empty(page.Problems);
    }

    [Fact]
    public async Task Open_TenThousandRows_IsUsableWithinTwoSeconds()
    {
        using var run = RecordedRun.Large(10_000);
        await using var page = await Open(run);

        var ready = int.Parse((await page.Attribute("html", "data-ready"))!, CultureInfo.InvariantCulture);
        var bytes = new FileInfo(Address(run).LocalPath).Length;
        TestContext.Current.TestOutputHelper?.WriteLine($"{ready} ms to interactive, {bytes:N0} bytes");
        Assert.InRange(ready, 1, 2000);
        Assert.InRange(bytes, 1_000_000, 30_000_000);
        Assert.Equal(50, await page.Count(Lines));

        await page.Fill("#q", "needle");
        await Says(page, "1,000 of 10,000 rows; 1 to 50 shown.");
        await page.Click("[data-page=last]");
        await Says(page, "1,000 of 10,000 rows; 951 to 1,000 shown.");
        await page.Click("[data-sort=id]");
        Assert.Equal(["row-0", "row-10", "row-20"], (await Column(page, 0)).Take(3));
    }

    [Theory]
    [InlineData(1280)]
    [InlineData(375)]
    public async Task Open_AnyWidth_NothingSticksOut_AndTheStructureHolds(int width)
    {
        using var run = RecordedRun.Complete();
        await using var page = await Open(run, width);
        await page.Click(".toggle");

        var problems = await page.Evaluate<string[]>("""
            (() => {
              const all = selector => [...document.querySelectorAll(selector)], problems = [];
              const need = (holds, what) => { if (!holds) problems.push(what); };
              need(document.documentElement.scrollWidth <= document.documentElement.clientWidth, "the page scrolls sideways");
              need(document.documentElement.lang === "en", "no language");
              for (const one of ["h1", "main", "body > header", "body > footer"]) need(all(one).length === 1, "not one " + one);
              let level = 0;
              for (const heading of all("h1, h2, h3, h4")) {
                const next = Number(heading.tagName[1]);
                need(next <= level + 1, `${heading.textContent} leaves out a level`);
                level = next;
              }
              for (const table of all("table")) need(table.caption, "a table without caption");
              for (const head of all("th")) need(head.scope, "a heading cell without scope");
              for (const field of all("input, select")) need(field.labels.length, field.id + " has no label");
              for (const chart of all(".chart > svg")) need(chart.getAttribute("role") === "img" && chart.querySelector("title")?.textContent.length > 20, "a chart without words");
              for (const section of all("section, nav")) need(section.hasAttribute("aria-label") || document.getElementById(section.getAttribute("aria-labelledby")), "a landmark without name");
              const ids = all("[id]").map(one => one.id);
              need(new Set(ids).size === ids.length, "an id twice");
              for (const cell of all("#rows td, #rows th")) if (cell.offsetParent) need(cell.getBoundingClientRect().width >= 30, "a cell too narrow to read");
              return problems;
            })()
            """);

        Assert.Empty(problems);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Open_LightOrDark_EveryTextStandsOutFromItsGround(bool dark)
    {
        using var run = RecordedRun.Complete();
        await using var page = await Open(run, dark: dark);
        await page.Click(".toggle");

        Assert.Empty(await page.PoorContrasts(except: "[hidden], button:disabled"));
    }

    private async Task<BrowserTab> Open(RecordedRun run, int width = 1280, bool dark = false)
    {
        var page = await chromium.Open();
        RunReport.Load(run.Folder).SaveAsHtml(Address(run).LocalPath);
        await page.Resize(width, 900);
        await page.PreferDark(dark);
        await page.Visit(Address(run), readyWhen: "document.querySelector('html[data-ready]')");
        return page;
    }

    private static Uri Address(RecordedRun run) => new(run.At("report.html"));

    private static Task Says(BrowserTab page, string text) => page.WaitFor($"document.getElementById('count').textContent === '{text}'");

    private static Task<string[]> Column(BrowserTab page, int index) => page.Texts($"{Lines} > :nth-child({index + 1})");
}
