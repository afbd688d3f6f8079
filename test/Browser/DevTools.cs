using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Browser;

/// <summary>A connection to a browser in its DevTools protocol: questions with their answers, and what a session tells unasked.</summary>
internal sealed class DevTools : IDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonNode>> _asked = [];
    private readonly ConcurrentDictionary<string, Action<string, JsonNode>> _listeners = [];
    private readonly SemaphoreSlim _turn = new(1);
    private int _number;

    private DevTools()
    {
    }

    public static async Task<DevTools> Connect(Uri address)
    {
        var tools = new DevTools();
        await tools._socket.ConnectAsync(address, CancellationToken.None);
        _ = tools.Read();
        return tools;
    }

    public void Dispose()
    {
        _socket.Dispose();
        _turn.Dispose();
    }

    /// <summary>Has every event of a session, its name and parameters, handed over: in order, and before the answers that come after it.</summary>
    public void Listen(string session, Action<string, JsonNode> listener) => _listeners[session] = listener;

    public void Forget(string session) => _listeners.TryRemove(session, out _);

    /// <summary>The answer to a command; to the browser itself where no session is given.</summary>
    public async Task<JsonNode> Ask(string method, JsonObject? parameters = null, string? session = null)
    {
        var number = Interlocked.Increment(ref _number);
        var answer = _asked[number] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var message = new JsonObject { ["id"] = number, ["method"] = method, ["params"] = parameters ?? [] };
        if (session is not null) message["sessionId"] = session;
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

    private async Task Read()
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
        catch (Exception error) when (error is WebSocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The browser has gone.
        }
        foreach (var waiting in _asked.Values) waiting.TrySetException(new WebSocketException("The browser has gone."));
    }

    private void Take(JsonNode message)
    {
        if (message["id"] is { } id && _asked.TryRemove((int)id, out var asked)) asked.SetResult(message);
        else if ((string?)message["sessionId"] is { } session && _listeners.TryGetValue(session, out var listener)) listener((string)message["method"]!, message["params"]!);
    }
}
