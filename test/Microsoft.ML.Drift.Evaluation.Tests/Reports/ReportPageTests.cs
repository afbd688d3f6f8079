using System.Globalization;
using Microsoft.ML.Drift.Evaluation.Reports;
using Microsoft.Playwright;

namespace Microsoft.ML.Drift.Evaluation.Tests.Reports;

/// <summary>The report in a real browser. Where no Chromium is installed these tests are skipped and say so; nothing is downloaded.</summary>
public sealed class ReportPageTests(ReportPageTests.Browser browser) : IClassFixture<ReportPageTests.Browser>
{
    [Fact]
    public async Task Open_CompleteRun_HasNoErrorAndAsksForNothing()
    {
        using var run = RecordedRun.Complete();
        await using var page = await browser.Open(run);

        Assert.Equal(6, await page.Rows.CountAsync() - 4); // 3 rows and 2 held-out ones, in two iterations
        Assert.Equal("10 rows; 1 to 10 shown.", await page.Text("#count"));
        Assert.Empty(page.Errors);
        Assert.Equal(["file"], page.Schemes);
    }

    [Fact]
    public async Task Sort_ByMarginWithTheKeyboard_OrdersRows_AndTellsAssistiveTechnology()
    {
        using var run = RecordedRun.Complete();
        await using var page = await browser.Open(run);
        var margin = page.Page.Locator("[data-sort=margin]");

        await margin.FocusAsync();
        await page.Page.Keyboard.PressAsync("Enter");

        Assert.Equal("ascending", await margin.Locator("..").GetAttributeAsync("aria-sort"));
        Assert.Equal(["−0.1500", "0", "0", "+0.1000", "+0.3000", "+0.3000", "–", "–", "–", "–"], await page.Column(5));

        await page.Page.Keyboard.PressAsync("Enter");
        Assert.Equal("descending", await margin.Locator("..").GetAttributeAsync("aria-sort"));
        Assert.Equal(["+0.3000", "+0.3000", "+0.1000", "0", "0", "−0.1500", "–", "–", "–", "–"], await page.Column(5));

        await page.Page.Keyboard.PressAsync("Enter");
        Assert.Equal("none", await margin.Locator("..").GetAttributeAsync("aria-sort"));
    }

    [Fact]
    public async Task Filter_BySearchAndVerdict_KeepsWhatFits()
    {
        using var run = RecordedRun.Complete();
        await using var page = await browser.Open(run);

        await page.Page.FillAsync("#q", "MOON cheese");
        await page.Says("2 of 10 rows; 1 to 2 shown.");
        await page.Page.ClickAsync("button[type=reset]");
        await page.Says("10 rows; 1 to 10 shown.");
        await page.Page.SelectOptionAsync("#f-verdict", "cut at the limit");
        await page.Says("2 of 10 rows; 1 to 2 shown.");
        await page.Page.FillAsync("#q", "nothing like this");
        await page.Says("No row of 10 fits. Clear the filters to see all of them.");
    }

    [Fact]
    public async Task Row_Opened_ShowsConversationComplaintBothAnswersAndProvenance()
    {
        using var run = RecordedRun.Complete();
        await using var page = await browser.Open(run);
        var toggle = page.Page.GetByRole(AriaRole.Button, new() { Name = "a", Exact = true }).First;

        await toggle.FocusAsync();
        await page.Page.Keyboard.PressAsync("Space");

        Assert.Equal("true", await toggle.GetAttributeAsync("aria-expanded"));
        var detail = await page.Text(".detail");
        Assert.All(
            ["How old is the moon?", "Made of cheese.", "that is not what I asked", "About 4.5 billion years.", "seed 42, iteration 1, sample 0, this row id", "an end token or stop text", "12 tokens; 1 messages left out"],
            text => Assert.Contains(text, detail));
        await toggle.ClickAsync();
        Assert.Equal(0, await page.Page.Locator(".detail").CountAsync());
    }

    [Fact]
    public async Task Chart_ArrowKeys_ReadItsNumbers()
    {
        using var run = RecordedRun.Complete();
        await using var page = await browser.Open(run);

        await page.Page.Locator("#chart-0").FocusAsync();
        await page.Page.Keyboard.PressAsync("ArrowRight");
        await page.Page.Keyboard.PressAsync("ArrowRight");

        Assert.Equal("iter1, step 2: loss 0.6000, loss, held out 0.5500", await page.Text("#chart-0 .readout"));
    }

    [Fact]
    public async Task Open_HostileTexts_ShowsThemAsTheyAre()
    {
        const string Attack = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> \"q\" שלום 😀";
        using var run = RecordedRun.Complete();
        run.Write("rows.train.jsonl", RecordedRun.Row("a", Attack, Attack, Attack), RecordedRun.Row("b", new string('x', 3_000_000), "no", "y"));
        await using var page = await browser.Open(run);

        foreach (var toggle in await page.Page.Locator(".toggle").AllAsync()) await toggle.ClickAsync();

        Assert.DoesNotContain("owned", await page.Page.TitleAsync());
        Assert.Contains(Attack, await page.Text(".detail >> nth=1"));
        Assert.Contains("2,900,000 more characters left out", await page.Text("#rows"));
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task Open_TenThousandRows_IsUsableWithinTwoSeconds()
    {
        using var run = RecordedRun.Large(10_000);
        await using var page = await browser.Open(run);

        var ready = int.Parse((await page.Page.Locator("html").GetAttributeAsync("data-ready"))!, CultureInfo.InvariantCulture);
        TestContext.Current.TestOutputHelper?.WriteLine($"{ready} ms to interactive, {page.Bytes:N0} bytes");
        Assert.InRange(ready, 1, 2000);
        Assert.InRange(page.Bytes, 1_000_000, 30_000_000);
        Assert.Equal(50, await page.Rows.CountAsync());

        await page.Page.FillAsync("#q", "needle");
        await page.Says("1,000 of 10,000 rows; 1 to 50 shown.");
        await page.Page.ClickAsync("[data-page=last]");
        await page.Says("1,000 of 10,000 rows; 951 to 1,000 shown.");
        await page.Page.ClickAsync("[data-sort=id]");
        Assert.Equal(["row-0", "row-10", "row-20"], (await page.Column(0)).Take(3));
    }

    [Theory]
    [InlineData(1280)]
    [InlineData(375)]
    public async Task Open_AnyWidth_NothingSticksOut_AndTheStructureHolds(int width)
    {
        using var run = RecordedRun.Complete();
        await using var page = await browser.Open(run, width);
        await page.Page.Locator(".toggle").First.ClickAsync();

        var problems = await page.Page.EvaluateAsync<string[]>("""
            () => {
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
            }
            """);

        Assert.Empty(problems);
    }

    [Fact]
    public async Task Open_LightAndDark_EveryTextStandsOutFromItsGround()
    {
        using var run = RecordedRun.Complete();
        foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
        {
            await using var page = await browser.Open(run, scheme: scheme);
            await page.Page.Locator(".toggle").First.ClickAsync();

            // WCAG 2.2, 1.4.3: 4.5 to 1.
            var weak = await page.Page.EvaluateAsync<string[]>("""
                () => {
                  const parts = colour => colour.match(/[\d.]+/g).map(Number);
                  const light = colour => { const [r, g, b] = parts(colour).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
                  const ground = element => { for (; element; element = element.parentElement) { const colour = getComputedStyle(element).backgroundColor; if (parts(colour)[3] !== 0) return colour; } return "rgb(255, 255, 255)"; };
                  const weak = new Set();
                  for (const element of document.querySelectorAll("body *")) {
                    if (element.closest("script, [hidden], button:disabled") || ![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()) || !element.checkVisibility()) continue;
                    const style = getComputedStyle(element), colour = element.closest("svg") ? style.fill : style.color;
                    const [one, other] = [light(colour), light(ground(element))].sort((a, b) => b - a);
                    const ratio = (one + .05) / (other + .05);
                    if (ratio < 4.5) weak.add(`${element.tagName}.${element.className}: ${ratio.toFixed(2)}`);
                  }
                  return [...weak];
                }
                """);

            Assert.Empty(weak);
        }
    }

    /// <summary>An opened report and what went wrong in it.</summary>
    public sealed class ReportTab(IBrowserContext context, IPage page, List<string> errors, HashSet<string> schemes, long bytes) : IAsyncDisposable
    {
        public IPage Page { get; } = page;

        public IReadOnlyList<string> Errors { get; } = errors;

        public IReadOnlyCollection<string> Schemes { get; } = schemes;

        public long Bytes { get; } = bytes;

        public ILocator Rows => Page.Locator("#rows tbody tr:not(.detail)");

        public Task<string> Text(string selector) => Page.Locator(selector).First.InnerTextAsync();

        public Task Says(string text) => Assertions.Expect(Page.Locator("#count")).ToHaveTextAsync(text);

        public async Task<IReadOnlyList<string>> Column(int index) => await Page.Locator($"#rows tbody tr:not(.detail) > :nth-child({index + 1})").AllInnerTextsAsync();

        public async ValueTask DisposeAsync() => await context.CloseAsync();
    }

    /// <summary>Chromium from where systems keep it, started once for all tests of the class.</summary>
    public sealed class Browser : IAsyncLifetime
    {
        private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

        // A test machine is often a container without a sandbox, a GPU or a network.
        private static readonly string[] Arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

        private IPlaywright? _playwright;
        private IBrowser? _browser;

        public async ValueTask InitializeAsync()
        {
            if (Find() is not { } program) return;
            _playwright = await Playwright.Playwright.CreateAsync();
            _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = program, Args = Arguments });
        }

        public async ValueTask DisposeAsync()
        {
            if (_browser is not null) await _browser.CloseAsync();
            _playwright?.Dispose();
        }

        internal async Task<ReportTab> Open(RecordedRun run, int width = 1280, ColorScheme scheme = ColorScheme.Light)
        {
            Assert.SkipWhen(_browser is null, $"No Chromium on this machine: none of {string.Join(", ", Names)} is on the PATH.");
            var file = run.At("report.html");
            RunReport.Load(run.Folder).SaveAsHtml(file);
            var context = await _browser!.NewContextAsync(new() { ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme });
            var page = await context.NewPageAsync();
            var (errors, schemes) = (new List<string>(), new HashSet<string>());
            page.Console += (_, message) => errors.Add(message.Text);
            page.PageError += (_, error) => errors.Add(error);
            page.Request += (_, request) => schemes.Add(new Uri(request.Url).Scheme);
            await page.GotoAsync(new Uri(file).AbsoluteUri);
            await page.Locator("html[data-ready]").WaitForAsync(new() { State = WaitForSelectorState.Attached });
            return new ReportTab(context, page, errors, schemes, new FileInfo(file).Length);
        }

        private static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => Names.Select(name => Path.Combine(folder, OperatingSystem.IsWindows() ? name + ".exe" : name))).FirstOrDefault(File.Exists);
    }
}
