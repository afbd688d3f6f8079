using System.Text.Json.Nodes;
using Microsoft.ML.Data;
using Microsoft.ML.Drift.Browser;

namespace Microsoft.ML.Drift.Serving.Tests;

/// <summary>A person at the page, in a real browser. Skipped where there is no Chromium.</summary>
public sealed class ChatPageTests(ServedModels models, Chromium chromium) : IClassFixture<ServedModels>, IClassFixture<Chromium>, IDisposable
{
    private const string Ready = "document.getElementById('welcome')?.textContent.startsWith('Talk to')";
    private const string Idle = "!document.querySelector('.writing') && document.getElementById('stop').hidden";

    private readonly string _folder = Directory.CreateTempSubdirectory("drift-page-").FullName;

    private string Rows => Path.Combine(_folder, "dsat.jsonl");

    private string Pairs => Path.Combine(_folder, "seed.jsonl");

    private DriftServingOptions Options => new() { FeedbackPath = Rows, SeedPairsPath = Pairs, ModelName = "toy", Generation = new() { Temperature = 0, TopP = 1, MaxNewTokens = 40 } };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Where the pictures of a test go for somebody to look at; nowhere unless DRIFT_SCREENSHOTS names a folder.</summary>
    private static async Task Picture(BrowserTab browser, string name)
    {
        if (Environment.GetEnvironmentVariable("DRIFT_SCREENSHOTS") is { Length: > 0 } folder) await browser.Screenshot(Path.Combine(Directory.CreateDirectory(folder).FullName, $"{name}.png"));
    }

    private static async Task Say(BrowserTab browser, string text)
    {
        await browser.Focus("#prompt");
        await browser.Type(text);
        await browser.Press("Enter");
        await browser.WaitFor($"{Idle} && document.getElementById('prompt').value === ''");
    }

    private static Task<string[]> Texts(BrowserTab browser) => browser.Evaluate<string[]>("[...document.querySelectorAll('#messages .text')].map(e => e.textContent)");

    [Fact]
    public async Task Talk_MarkAsBadAndAnswerAgain_WritesTheRowAndThePair()
    {
        await using var browser = await chromium.Open();
        await using (var server = await ServedModels.Start(models.Trained, Options))
        {
            await browser.Visit(server.Address, Ready);
            await Picture(browser, "empty");
            await Say(browser, "first sun map");
            var answer = (await Texts(browser))[1];
            Assert.NotEmpty(answer);

            await browser.Click(".assistant .actions button", "Bad answer");
            await browser.Type("in brackets, please");
            await Picture(browser, "complaint");
            await browser.Click(".complaint button[value=retry]");
            await browser.WaitFor($"document.querySelectorAll('.assistant').length === 2 && {Idle}");
            await browser.Click(".assistant .actions button", "This one is better");
            await browser.WaitFor("document.querySelector('.good')");
            await Picture(browser, "better");

            Assert.Equal(["first sun map", answer, "in brackets, please"], (await Texts(browser)).SkipLast(1));
            Assert.Empty(browser.Problems);
            Assert.All(browser.Requests, address => Assert.StartsWith(server.Address.GetLeftPart(UriPartial.Authority), address));

            var row = JsonNode.Parse(File.ReadAllText(Rows))!;
            Assert.Equal("""[{"role":"user","content":"first sun map"}]""", row["prompt"]!.ToJsonString());
            Assert.Equal((answer, "in brackets, please", "toy"), ((string)row["rejected"]![0]!["content"]!, (string)row["user_preference"]!["content"]!, (string)row["model"]!));
            var pair = JsonNode.Parse(File.ReadAllText(Pairs))!;
            Assert.Equal((answer, (await Texts(browser))[^1]), ((string)pair["rejected"]![0]!["content"]!, (string)pair["chosen"]![0]!["content"]!));
        }
        var view = new MLContext().Data.LoadFromChatJsonLines(Rows);
        Assert.Equal(["in brackets, please"], view.GetColumn<string>("Feedback"));
    }

    [Fact]
    public async Task Talk_ByKeyboardAlone_ReachesEverythingInOrder()
    {
        await using var browser = await chromium.Open();
        await using var server = await ServedModels.Start(models.Trained, Options);
        await browser.Visit(server.Address, Ready);

        // The field has the focus; Shift+Enter is a line, Enter sends.
        await browser.Type("sort pie");
        await browser.Press("Enter", shift: true);
        await browser.Type("cat");
        await browser.Press("Enter");
        await browser.WaitFor($"document.querySelector('.assistant .actions button') && {Idle}");
        Assert.Equal("sort pie\ncat", (await Texts(browser))[0]);
        await browser.Press("Tab", shift: true);
        Assert.Equal("Bad answer", await browser.Evaluate<string>("document.activeElement.textContent"));
        await browser.Press("Enter");
        await browser.WaitFor("document.activeElement.closest('.complaint')");
        await browser.Press("Escape");
        Assert.Equal("Bad answer", await browser.Evaluate<string>("document.activeElement.textContent"));
        await browser.Press("Enter");
        await browser.Type("too short");
        await browser.Press("Tab");
        await browser.Press("Tab");
        Assert.Equal("Save", await browser.Evaluate<string>("document.activeElement.textContent"));
        await browser.Press("Enter");
        await browser.WaitFor("document.querySelector('.bad')");

        Assert.Equal("prompt", await browser.Evaluate<string>("document.activeElement.id"));
        Assert.Contains("too short", File.ReadAllText(Rows));
        var names = await browser.AccessibleNames();
        foreach (var expected in new[] { "heading: toy", "list: Conversation", "heading: You", "heading: Model", "textbox: Message", "button: Send", "button: New chat", "button: Settings" }) Assert.Contains(expected, names);
        Assert.DoesNotContain(names, name => name is "button: " or "textbox: ");
        Assert.Empty(browser.Problems);
    }

    [Fact]
    public async Task Answer_ThatLooksLikeHtml_IsShownAsText()
    {
        await using var browser = await chromium.Open();
        await using var server = await ServedModels.Start(models.Trained, Options);
        await browser.Visit(server.Address, Ready);
        const string Attack = "<img src=x onerror=alert(1)><script>alert(2)</script> **bold** `code <b>` \n```html\n<i>block</i>\n```\nend";

        await browser.Evaluate<object?>("document.getElementById('system').value = '<b>system</b>'");
        await Say(browser, Attack.Replace("\n", " ", StringComparison.Ordinal));

        Assert.Equal(0, await browser.Evaluate<int>("document.querySelectorAll('#messages img, #messages script, #messages i, #messages b').length"));
        Assert.Equal("bold", await browser.Evaluate<string>("document.querySelector('#messages strong').textContent"));
        Assert.Equal("code <b>", await browser.Evaluate<string>("document.querySelector('#messages code').textContent"));
        Assert.Equal("<b>system</b>", (await Texts(browser))[0]);
        Assert.Empty(browser.Problems);
    }

    [Fact]
    public async Task Stop_InMidAnswer_KeepsWhatIsThereAndFreesTheServer()
    {
        await using var browser = await chromium.Open();
        await using var server = await ServedModels.Start(models.Endless, Options with { Generation = new() { MaxNewTokens = 32000, IgnoreEos = true, Temperature = 0, TopP = 1 } });
        using var client = Http.Client(server);
        await browser.Visit(server.Address, Ready);

        await browser.Type("sing");
        await browser.Press("Enter");
        await browser.WaitFor("document.querySelector('.assistant .text')?.textContent.length > 5");
        await browser.Click("#stop");
        await browser.WaitFor(Idle);

        await client.Until(health => (int)health["running"]! == 0);
        Assert.Contains("Stopped here.", await browser.Evaluate<string>("document.querySelector('.assistant .actions').textContent"));
        Assert.NotEmpty((await Texts(browser))[1]);
        Assert.Empty(browser.Problems);
    }

    [Fact]
    public async Task Key_Missing_IsAskedForAndThenUsed()
    {
        await using var browser = await chromium.Open();
        await using var server = await ServedModels.Start(models.Trained, Options with { ApiKey = "secret-key" });
        await browser.Visit(server.Address, "document.activeElement?.id === 'key'");

        await Say(browser, "sort pie cat");
        Assert.Contains("API key", await browser.Evaluate<string>("document.querySelector('.problem').textContent"));
        Assert.Equal("key", await browser.Evaluate<string>("document.activeElement.id"));
        await Picture(browser, "key");
        await browser.Type("secret-key");
        await browser.Click(".assistant .actions button", "Try again");
        await browser.WaitFor($"document.querySelector('.assistant .text')?.textContent === 'cat pie' && {Idle}");

        await browser.Click(".assistant .actions button", "Bad answer");
        await browser.Type("wrong order");
        await browser.Click(".complaint button[value=save]");
        await browser.WaitFor("document.querySelector('.bad')");
        Assert.Contains("wrong order", File.ReadAllText(Rows));
    }

    [Theory]
    [InlineData("light", false, 1000, 760, false)]
    [InlineData("dark", true, 1000, 760, false)]
    [InlineData("mobile", false, 360, 720, true)]
    [InlineData("mobile-dark", true, 360, 720, true)]
    public async Task Layout_OfEveryKindOfScreen_FitsAndHasEnoughContrast(string name, bool dark, int width, int height, bool mobile)
    {
        await using var browser = await chromium.Open();
        await using var server = await ServedModels.Start(models.Trained, Options);
        await browser.Resize(width, height, mobile);
        await browser.PreferDark(dark);
        await browser.Visit(server.Address, Ready);
        await Say(browser, "sort pie cat pen");
        await browser.Click(".assistant .actions button", "Bad answer");
        await browser.Type("The words are not in the order of the alphabet.");
        await browser.Click(".complaint button[value=save]");
        await browser.WaitFor("document.querySelector('.bad')");
        await Say(browser, new string('w', 120));
        await browser.Click(".assistant .actions button", "Bad answer");
        await Picture(browser, name);

        Assert.Equal(width, await browser.Evaluate<int>("document.documentElement.scrollWidth"));
        Assert.Empty(await browser.PoorContrasts(except: ".hidden, .skip"));
        Assert.Empty(await browser.Evaluate<string[]>("[...document.querySelectorAll('button, textarea, input')].filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).map(e => e.outerHTML)"));
        Assert.Empty(browser.Problems);
    }
}
