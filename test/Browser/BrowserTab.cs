using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Browser;

/// <summary>A tab of <see cref="Chromium"/>: used like a person uses it, with mouse and keyboard, and asked what it shows.</summary>
internal sealed class BrowserTab : IAsyncDisposable
{
    // Windows' numbers of the keys, and the text they write.
    private static readonly Dictionary<string, (int Number, string Text)> Keys = new()
    {
        ["Enter"] = (13, "\r"), ["Tab"] = (9, ""), ["Escape"] = (27, ""), ["Space"] = (32, " "), ["ArrowRight"] = (39, ""),
    };

    private readonly DevTools _tools;
    private readonly string _context;
    private readonly string _session;

    private BrowserTab(DevTools tools, string context, string session)
    {
        (_tools, _context, _session) = (tools, context, session);
        tools.Listen(session, Take);
    }

    /// <summary>All that went wrong, and all that was said: exceptions, whatever is in the console, what the content policy stopped, files that did not load.</summary>
    public ConcurrentQueue<string> Problems { get; } = [];

    /// <summary>Every address the page asked for, its own first; not what stands in the page itself (data:).</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    public static async Task<BrowserTab> Open(DevTools tools)
    {
        var context = (string)(await tools.Ask("Target.createBrowserContext"))["browserContextId"]!;
        var target = (string)(await tools.Ask("Target.createTarget", new() { ["url"] = "about:blank", ["browserContextId"] = context }))["targetId"]!;
        var session = (string)(await tools.Ask("Target.attachToTarget", new() { ["targetId"] = target, ["flatten"] = true }))["sessionId"]!;
        var tab = new BrowserTab(tools, context, session);
        foreach (var domain in new[] { "Page", "Runtime", "Log", "Network" }) await tab.Ask($"{domain}.enable");
        await tab.Ask("Emulation.setFocusEmulationEnabled", new() { ["enabled"] = true });
        await tab.PreferDark(false);
        await tab.Resize(1000, 800);
        return tab;
    }

    public async ValueTask DisposeAsync()
    {
        _tools.Forget(_session);
        await _tools.Ask("Target.disposeBrowserContext", new() { ["browserContextId"] = _context });
    }

    public Task Resize(int width, int height, bool mobile = false) =>
        Ask("Emulation.setDeviceMetricsOverride", new() { ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = mobile ? 2 : 1, ["mobile"] = mobile });

    public Task PreferDark(bool dark) =>
        Ask("Emulation.setEmulatedMedia", new() { ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" }) });

    public async Task Visit(Uri address, string readyWhen)
    {
        var answer = await Ask("Page.navigate", new() { ["url"] = address.AbsoluteUri });
        if (answer["errorText"] is { } error) throw new InvalidOperationException($"{address}: {error}");
        await WaitFor(readyWhen);
    }

    /// <summary>The value of a JavaScript expression.</summary>
    public async Task<T> Evaluate<T>(string expression)
    {
        var answer = await Ask("Runtime.evaluate", new() { ["expression"] = expression, ["returnByValue"] = true, ["awaitPromise"] = true });
        if (answer["exceptionDetails"] is { } error) throw new InvalidOperationException($"{expression}: {error.ToJsonString()}");
        return answer["result"]!["value"].Deserialize<T>()!;
    }

    public Task WaitFor(string condition) => WaitFor<object>($"Boolean({condition}) || null");

    /// <summary>What is written in the elements a selector finds, as far as it can be seen.</summary>
    public Task<string[]> Texts(string selector) => Evaluate<string[]>($"[...document.querySelectorAll({Quote(selector)})].map(e => e.innerText)");

    public Task<int> Count(string selector) => Evaluate<int>($"document.querySelectorAll({Quote(selector)}).length");

    /// <summary>An attribute of the first element a selector finds; null where it has none.</summary>
    public Task<string?> Attribute(string selector, string name) => Evaluate<string?>($"document.querySelector({Quote(selector)}).getAttribute({Quote(name)})");

    /// <summary>
    /// Presses the mouse in the middle of the first element a selector finds, or of the last one that has exactly this text. Waits until it is there, enabled, at
    /// rest, and not covered by anything else.
    /// </summary>
    public async Task Click(string selector, string? text = null)
    {
        var element = text is null ? $"document.querySelector({Quote(selector)})" : $"[...document.querySelectorAll({Quote(selector)})].filter(e => e.textContent.trim() === {Quote(text)}).at(-1)";
        var at = await WaitFor<double[]>($$"""
            (async () => {
              const e = {{element}};
              if (!e || e.disabled) return null;
              e.scrollIntoView({ block: 'center', behavior: 'instant' });
              const middle = () => { const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; };
              const before = middle();
              await new Promise(requestAnimationFrame);
              const [x, y] = middle();
              return x === before[0] && y === before[1] && e.contains(document.elementFromPoint(x, y)) ? [x, y] : null;
            })()
            """);
        foreach (var type in new[] { "mousePressed", "mouseReleased" })
            await Ask("Input.dispatchMouseEvent", new() { ["type"] = type, ["x"] = at[0], ["y"] = at[1], ["button"] = "left", ["clickCount"] = 1 });
    }

    public Task Focus(string selector) => Evaluate<object?>($"document.querySelector({Quote(selector)}).focus()");

    /// <summary>Types into what has the focus.</summary>
    public Task Type(string text) => Ask("Input.insertText", new() { ["text"] = text });

    /// <summary>Types over what a field holds.</summary>
    public async Task Fill(string selector, string text)
    {
        await Focus(selector);
        await Evaluate<object?>("document.activeElement.select()");
        await Type(text);
    }

    /// <summary>Chooses the option of a list that has this text. The list itself is drawn by the system, where no mouse of ours reaches.</summary>
    public Task Choose(string selector, string option) => Evaluate<object?>($$"""
        (() => {
          const list = document.querySelector({{Quote(selector)}});
          list.selectedIndex = [...list.options].findIndex(o => o.text === {{Quote(option)}});
          if (list.selectedIndex < 0) throw new Error('no such option');
          for (const type of ['input', 'change']) list.dispatchEvent(new Event(type, { bubbles: true }));
        })()
        """);

    public async Task Press(string key, bool shift = false)
    {
        var (number, text) = Keys[key];
        foreach (var type in new[] { "keyDown", "keyUp" })
            await Ask("Input.dispatchKeyEvent", new()
            {
                ["type"] = type, ["key"] = key == "Space" ? " " : key, ["code"] = key, ["windowsVirtualKeyCode"] = number, ["modifiers"] = shift ? 8 : 0, ["text"] = type == "keyDown" ? text : "",
            });
    }

    /// <summary>What a screen reader would meet: role and name of every element that has both, in order.</summary>
    public async Task<List<string>> AccessibleNames()
    {
        var tree = await Ask("Accessibility.getFullAXTree");
        return [.. tree["nodes"]!.AsArray().Where(node => !(bool)node!["ignored"]!).Select(node => $"{(string?)node!["role"]?["value"]}: {(string?)node["name"]?["value"]}")];
    }

    /// <summary>Texts whose contrast with what is behind them is below the 4.5 to 1 of WCAG 2.2, 1.4.3; a selector names what need not be looked at.</summary>
    public Task<string[]> PoorContrasts(string except) => Evaluate<string[]>($$"""
        (() => {
          const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
          /* The colours, each painted over those before it. */
          const seen = colours => {
            for (const colour of ['#fff', ...colours]) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
            return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
          };
          const luminance = rgb => rgb.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
          const grounds = e => e ? [...grounds(e.parentElement), getComputedStyle(e).backgroundColor] : [];
          const ratio = e => {
            const style = getComputedStyle(e), behind = grounds(e), text = e.closest('svg') ? style.fill : style.color;
            const [dark, light] = [luminance(seen(behind)), luminance(seen([...behind, text]))].sort((a, b) => a - b);
            return (light + .05) / (dark + .05);
          };
          return [...document.querySelectorAll('body *')]
            .filter(e => e.checkVisibility() && !e.closest({{Quote(except)}}) && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
            .filter(e => ratio(e) < 4.5)
            .map(e => `${e.outerHTML.slice(0, 200)}: ${ratio(e).toFixed(2)}`);
        })()
        """);

    public async Task Screenshot(string path)
    {
        var answer = await Ask("Page.captureScreenshot", new() { ["format"] = "png" });
        await File.WriteAllBytesAsync(path, Convert.FromBase64String((string)answer["data"]!));
    }

    // Half a minute for an expression to become something other than null.
    private async Task<T> WaitFor<T>(string expression) where T : class
    {
        for (var i = 0; i < 600; i++)
        {
            if (await Evaluate<T?>(expression) is { } value) return value;
            await Task.Delay(50);
        }
        throw Xunit.Sdk.FailException.ForFailure($"The page never came to: {expression}. Problems: {string.Join("; ", Problems)}. It shows: {await Evaluate<string>("document.body.innerText.slice(0, 1000)")}");
    }

    private Task<JsonNode> Ask(string method, JsonObject? parameters = null) => _tools.Ask(method, parameters, _session);

    private void Take(string happening, JsonNode parameters)
    {
        switch (happening)
        {
            case "Runtime.exceptionThrown":
                Problems.Enqueue(parameters["exceptionDetails"]!.ToJsonString());
                break;
            case "Runtime.consoleAPICalled":
                Problems.Enqueue(parameters["args"]!.ToJsonString());
                break;
            case "Log.entryAdded":
                Problems.Enqueue(parameters["entry"]!.ToJsonString());
                break;
            case "Network.requestWillBeSent" when (string)parameters["request"]!["url"]! is var address && !address.StartsWith("data:", StringComparison.Ordinal):
                Requests.Enqueue(address);
                break;
        }
    }

    private static string Quote(string text) => JsonSerializer.Serialize(text);
}
