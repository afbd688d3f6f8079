using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Serving;

/// <summary>A web server of its own for a model, for programs that are no web application: what <c>drift serve</c> runs.</summary>
/// <remarks>
/// On a loopback address it answers only requests to that address or to localhost, so that no web page can reach it under a name of its own (DNS rebinding).
/// </remarks>
public sealed class DriftServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private DriftServer(WebApplication application) => _application = application;

    /// <summary>The address that it listens on, such as <c>http://127.0.0.1:8080</c>.</summary>
    public Uri Address => new(_application.Urls.First());

    /// <summary>Starts a server, which listens when the task completes.</summary>
    /// <param name="model">The model; it stays the caller's, and must live longer than the server.</param>
    /// <param name="options">Names and limits; null for the defaults.</param>
    /// <param name="address">The address to listen on; null for 127.0.0.1, which other machines cannot reach.</param>
    /// <param name="port">The port; 0 for a free one.</param>
    /// <param name="shutdownTimeout">How long answers under way may take when the server stops; null for 30 seconds.</param>
    /// <param name="logging">Where to log; null logs nothing. Neither conversations nor keys are logged.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    /// <exception cref="ArgumentException">The options have problems, all of which the message lists; or the model has no tokenizer.</exception>
    /// <exception cref="IOException">The port is taken, or a feedback file is held by another process or cannot be written.</exception>
    /// <exception cref="InvalidDataException">A feedback file holds something else than JSON Lines.</exception>
    public static async Task<DriftServer> StartAsync(
        CausalLM model,
        DriftServingOptions? options = null,
        IPAddress? address = null,
        int port = 8080,
        TimeSpan? shutdownTimeout = null,
        Action<ILoggingBuilder>? logging = null,
        CancellationToken cancellationToken = default)
    {
        var listenOn = address ?? IPAddress.Loopback;
        // No configuration from files and environment variables, no console: the caller says it all.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, listenOn, port));
        builder.Services.AddRoutingCore();
        builder.Services.AddDriftServing(model, options);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = shutdownTimeout ?? TimeSpan.FromSeconds(30));
        builder.Services.Configure<HostFilteringOptions>(filter => filter.AllowedHosts = HostsOf(listenOn));
        logging?.Invoke(builder.Logging);
        var application = builder.Build();
        try
        {
            application.UseHostFiltering();
            application.UseRouting();
            application.MapDriftServing();
            await application.StartAsync(cancellationToken);
            return new(application);
        }
        catch
        {
            await application.DisposeAsync();
            throw;
        }
    }

    /// <summary>Completes when the server has stopped.</summary>
    /// <param name="cancellationToken">Stops it: no new requests are taken, and the answers under way are finished.</param>
    public Task WaitAsync(CancellationToken cancellationToken = default) => _application.WaitForShutdownAsync(cancellationToken);

    /// <summary>Stops the server: no new requests are taken, the answers under way are finished; what takes longer than the shutdown's time is cut off.</summary>
    /// <param name="cancellationToken">Cuts off at once.</param>
    public Task StopAsync(CancellationToken cancellationToken = default) => _application.StopAsync(cancellationToken);

    /// <summary>Stops the server, and closes its files.</summary>
    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
    }

    private static void Configure(KestrelServerOptions kestrel, IPAddress address, int port)
    {
        kestrel.AddServerHeader = false;
        kestrel.Listen(address, port);
    }

    private static string[] HostsOf(IPAddress address) =>
        IPAddress.IsLoopback(address) ? ["localhost", "127.0.0.1", "[::1]", address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString()] : ["*"];
}
