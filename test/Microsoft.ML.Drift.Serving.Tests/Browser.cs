using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Serving.Tests;

/// <summary>A headless Chromium with one page, driven through its DevTools protocol: no package, no driver, only the browser itself.</summary>
internal sealed class Browser : IAsyncDisposable
{
    private static readonly string[] Places =
    [
        "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable", "/snap/bin/chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", @"C:\Program Files\Google\Chrome\Application\chrome.exe", @"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ];

    private readonly Process _process;
    private readonly string _profile;
    private readonly ClientWebSocket _socket = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonNode>> _asked = [];
    private readonly SemaphoreSlim _turn = new(1);
    private int _number;
    private string? _page;

    private Browser(Process process, string profile) => (_process, _profile) = (process, profile);

    /// <summary>Where a Chromium is; null where there is none.</summary>
    public static string? Path => Places.FirstOrDefault(File.Exists);

    /// <summary>Errors the page met: exceptions, console errors, what the content policy stopped, files that did not load.</summary>
    public ConcurrentQueue<string> Problems { get; } = [];

    /// <summary>Every address the page asked for.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    public static async Task<Browser> Start()
    {
        var profile = Directory.CreateTempSubdirectory("drift-browser-").FullName;
        var start = new ProcessStartInfo(Path!, [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--hide-scrollbars", "--disable-dev-shm-usage", "--remote-debugging-port=0", $"--user-data-dir={profile}", "about:blank",
        ]) { RedirectStandardError = true, RedirectStandardOutput = true };
        var browser = new Browser(Process.Start(start)!, profile);
        var announced = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        browser._process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data?.Split("DevTools listening on ") is [_, var address]) announced.TrySetResult(address);
        };
        browser._process.OutputDataReceived += (_, _) => { };
        browser._process.BeginErrorReadLine();
        browser._process.BeginOutputReadLine();
        await browser._socket.ConnectAsync(new Uri(await announced.Task.WaitAsync(TimeSpan.FromSeconds(60))), CancellationToken.None);
        _ = browser.Listen();
        var target = await browser.Ask("Target.createTarget", new() { ["url"] = "about:blank" });
        browser._page = (string)(await browser.Ask("Target.attachToTarget", new() { ["targetId"] = (string)target["targetId"]!, ["flatten"] = true }))["sessionId"]!;
        foreach (var domain in new[] { "Page", "Runtime", "Log", "Network" }) await browser.Ask($"{domain}.enable");
        await browser.Resize(1000, 800);
        return browser;
    }

    public Task Resize(int width, int height, bool mobile = false) =>
        Ask("Emulation.setDeviceMetricsOverride", new() { ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = mobile ? 2 : 1, ["mobile"] = mobile });

    public Task PreferDark(bool dark) =>
        Ask("Emulation.setEmulatedMedia", new() { ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" }) });

    public async Task Open(Uri address, string readyWhen)
    {
        await Ask("Page.navigate", new() { ["url"] = address.ToString() });
        await WaitFor(readyWhen);
    }

    /// <summary>The value of a JavaScript expression.</summary>
    public async Task<T> Evaluate<T>(string expression)
    {
        var answer = await Ask("Runtime.evaluate", new() { ["expression"] = expression, ["returnByValue"] = true, ["awaitPromise"] = true });
        if (answer["exceptionDetails"] is { } error) throw new InvalidOperationException($"{expression}: {error.ToJsonString()}");
        return answer["result"]!["value"].Deserialize<T>()!;
    }

    public async Task WaitFor(string condition)
    {
        for (var i = 0; i < 600; i++)
        {
            if (await Evaluate<bool>($"Boolean({condition})")) return;
            await Task.Delay(50);
        }
        Assert.Fail($"The page never came to: {condition}. Problems: {string.Join("; ", Problems)}. It shows: {await Evaluate<string>("document.body.innerText")}");
    }

    /// <summary>Presses the mouse in the middle of what a selector finds.</summary>
    public async Task Click(string selector, string? text = null)
    {
        var element = text is null ? $"document.querySelector({Quote(selector)})" : $"[...document.querySelectorAll({Quote(selector)})].filter(e => e.textContent.trim() === {Quote(text)}).at(-1)";
        await WaitFor($"{element} && !{element}.disabled");
        var at = await Evaluate<double[]>($"(() => {{ const e = {element}; e.scrollIntoView({{ block: 'nearest' }}); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()");
        foreach (var type in new[] { "mousePressed", "mouseReleased" })
            await Ask("Input.dispatchMouseEvent", new() { ["type"] = type, ["x"] = at[0], ["y"] = at[1], ["button"] = "left", ["clickCount"] = 1 });
    }

    /// <summary>Types into what has the focus.</summary>
    public Task Type(string text) => Ask("Input.insertText", new() { ["text"] = text });

    public async Task Press(string key, int code, bool shift = false)
    {
        foreach (var type in new[] { "keyDown", "keyUp" })
            await Ask("Input.dispatchKeyEvent", new()
            {
                ["type"] = type, ["key"] = key, ["code"] = key, ["windowsVirtualKeyCode"] = code, ["modifiers"] = shift ? 8 : 0, ["text"] = key == "Enter" && type == "keyDown" ? "\r" : "",
            });
    }

    public Task PressEnter(bool shift = false) => Press("Enter", 13, shift);

    public Task PressTab(bool shift = false) => Press("Tab", 9, shift);

    /// <summary>What a screen reader would meet: role and name of every element that has both, in order.</summary>
    public async Task<List<string>> AccessibleNames()
    {
        var tree = await Ask("Accessibility.getFullAXTree");
        return [.. tree["nodes"]!.AsArray().Where(node => !(bool)node!["ignored"]!).Select(node => $"{(string?)node!["role"]?["value"]}: {(string?)node["name"]?["value"]}")];
    }

    public async Task Screenshot(string path)
    {
        var answer = await Ask("Page.captureScreenshot", new() { ["format"] = "png" });
        await File.WriteAllBytesAsync(path, Convert.FromBase64String((string)answer["data"]!));
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await Ask("Browser.close").WaitAsync(TimeSpan.FromSeconds(5));
        }
        catch (Exception error) when (error is TimeoutException or WebSocketException)
        {
            _process.Kill(entireProcessTree: true);
        }
        await _process.WaitForExitAsync();
        _socket.Dispose();
        _process.Dispose();
        for (var i = 0; i < 20 && Directory.Exists(_profile); i++)
        {
            try
            {
                Directory.Delete(_profile, recursive: true);
            }
            catch (IOException)
            {
                // Its last child processes are still writing.
                await Task.Delay(100);
            }
        }
    }

    private async Task<JsonNode> Ask(string method, JsonObject? parameters = null)
    {
        var number = Interlocked.Increment(ref _number);
        var answer = _asked[number] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var message = new JsonObject { ["id"] = number, ["method"] = method, ["params"] = parameters ?? [] };
        if (_page is not null && !method.StartsWith("Browser.", StringComparison.Ordinal)) message["sessionId"] = _page;
        await _turn.WaitAsync();
        try
        {
            await _socket.SendAsync(Encoding.UTF8.GetBytes(message.ToJsonString()), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        }
        finally
        {
            _turn.Release();
        }
        var told = await answer.Task.WaitAsync(TimeSpan.FromSeconds(60));
        return told["error"] is { } error ? throw new InvalidOperationException($"{method}: {error.ToJsonString()}") : told["result"]!;
    }

    private async Task Listen()
    {
        var buffer = new byte[1 << 16];
        var message = new MemoryStream();
        try
        {
            while (true)
            {
                var part = await _socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                if (part.MessageType == WebSocketMessageType.Close) break;
                message.Write(buffer, 0, part.Count);
                if (!part.EndOfMessage) continue;
                Take(JsonNode.Parse(message.ToArray())!);
                message.SetLength(0);
            }
        }
        catch (Exception error) when (error is WebSocketException or ObjectDisposedException)
        {
            // The browser has gone.
        }
        foreach (var waiting in _asked.Values) waiting.TrySetException(new WebSocketException("The browser has gone."));
    }

    private void Take(JsonNode message)
    {
        if (message["id"] is { } id && _asked.TryRemove((int)id, out var asked)) asked.SetResult(message);
        var parameters = message["params"];
        switch ((string?)message["method"])
        {
            case "Runtime.exceptionThrown":
                Problems.Enqueue(parameters!["exceptionDetails"]!.ToJsonString());
                break;
            case "Runtime.consoleAPICalled" when (string?)parameters!["type"] is "error" or "warning" or "assert":
                Problems.Enqueue(parameters["args"]!.ToJsonString());
                break;
            case "Log.entryAdded" when (string?)parameters!["entry"]!["level"] is "error" or "warning":
                Problems.Enqueue(parameters["entry"]!.ToJsonString());
                break;
            case "Network.requestWillBeSent":
                Requests.Enqueue((string)parameters!["request"]!["url"]!);
                break;
        }
    }

    private static string Quote(string text) => JsonSerializer.Serialize(text);
}
