using System;
using System.Collections.Generic;

namespace Microsoft.ML.OnnxRuntime
{
    /// Settings that a program registers under a name, to make options of sessions with.
    public static class SessionOptionsContainer
    {
        private static readonly Dictionary<string, Action<SessionOptions>> handlers =
            new Dictionary<string, Action<SessionOptions>>();

        // An empty name is that of the default.
        public static void Register(Action<SessionOptions> defaultHandler)
        {
            Register(string.Empty, defaultHandler);
        }

        public static void Register(string configuration, Action<SessionOptions> handler)
        {
            if (handler == null) throw new ArgumentNullException(nameof(handler));
            lock (handlers) handlers[configuration ?? string.Empty] = handler;
        }

        public static SessionOptions Create(string configuration = null,
            bool useDefaultAsFallback = true)
        {
            return new SessionOptions().ApplyConfiguration(configuration, useDefaultAsFallback);
        }

        public static void Reset()
        {
            lock (handlers) handlers.Clear();
        }

        public static SessionOptions ApplyConfiguration(this SessionOptions options,
            string configuration = null, bool useDefaultAsFallback = true)
        {
            Action<SessionOptions> handler;
            lock (handlers)
            {
                string name = configuration ?? string.Empty;
                if (!handlers.TryGetValue(name, out handler) && useDefaultAsFallback)
                {
                    handlers.TryGetValue(string.Empty, out handler);
                }
            }
            if (handler == null && !string.IsNullOrEmpty(configuration))
            {
                throw new KeyNotFoundException(
                    "No configuration '" + configuration + "' is registered.");
            }
            handler?.Invoke(options);
            return options;
        }
    }
}
