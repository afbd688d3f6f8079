using System.Diagnostics;
using System.Net.WebSockets;

namespace Microsoft.ML.Drift.Browser;

/// <summary>
/// The Chromium of this machine, headless, started once for a test class; every test opens a tab of its own. No package and no driver: the browser itself
/// speaks the DevTools protocol. Where there is no Chromium the tests are skipped and say so; nothing is downloaded.
/// </summary>
public sealed class Chromium : IAsyncLifetime
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"];

    // Where installers put it without telling the PATH.
    private static readonly string[] Places =
    [
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
        @"C:\Program Files\Google\Chrome\Application\chrome.exe", @"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ];

    // A test machine is often a container without a sandbox, a GPU, a network or room in /dev/shm.
    private static readonly string[] Arguments =
    [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en-US", "--remote-debugging-port=0",
    ];

    private Process? _process;
    private DevTools? _tools;
    private string? _profile;

    public async ValueTask InitializeAsync()
    {
        if (Find() is not { } program) return;
        _profile = Directory.CreateTempSubdirectory("drift-browser-").FullName;
        _process = new() { StartInfo = new(program, [.. Arguments, $"--user-data-dir={_profile}", "about:blank"]) { RedirectStandardError = true, RedirectStandardOutput = true } };
        _tools = await DevTools.Connect(await AddressOf(_process));
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is null) return;
        try
        {
            if (_tools is not null) await _tools.Ask("Browser.close").WaitAsync(TimeSpan.FromSeconds(5));
            else _process.Kill(entireProcessTree: true);
        }
        catch (Exception error) when (error is TimeoutException or WebSocketException)
        {
            _process.Kill(entireProcessTree: true);
        }
        await _process.WaitForExitAsync();
        _tools?.Dispose();
        _process.Dispose();
        await DeleteProfile();
    }

    /// <summary>A tab with storage of its own, 1000 × 800 pixels, light. Skips the test where there is no Chromium.</summary>
    internal async Task<BrowserTab> Open()
    {
        Assert.SkipWhen(_tools is null, $"No Chromium on this machine: none of {string.Join(", ", Names)} is on the PATH (Debian: apt install chromium).");
        return await BrowserTab.Open(_tools!);
    }

    private static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .SelectMany(folder => Names.Select(name => Path.Combine(folder, OperatingSystem.IsWindows() ? name + ".exe" : name))).Concat(Places).FirstOrDefault(File.Exists);

    // A browser that listens says where, on standard error.
    private static async Task<Uri> AddressOf(Process process)
    {
        var announced = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new List<string>();
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null) announced.TrySetException(new InvalidOperationException($"{process.StartInfo.FileName} ended before it listened: {string.Join("; ", said)}"));
            else if (line.Data.Split("DevTools listening on ") is [_, var address]) announced.TrySetResult(address);
            else if (!announced.Task.IsCompleted) said.Add(line.Data);
        };
        process.OutputDataReceived += (_, _) => { };
        process.Start();
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return new(await announced.Task.WaitAsync(TimeSpan.FromSeconds(60)));
    }

    private async Task DeleteProfile()
    {
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
}
