package companion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"

	"github.com/roamcall/roamcall/server/internal/web"
)

// maxConfig bounds what is read of the server's /api/config.
const maxConfig = 64 << 10

// client makes a client of the server's HTTPS. dial also says over which network the connection goes.
func (c *Companion) client(dial func(context.Context) (net.Conn, string, error)) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				conn, network, err := dial(ctx)
				if err != nil {
					return nil, err
				}
				return c.conns.add(conn, network), nil
			},
			TLSClientConfig: c.trust.config(), TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
			IdleConnTimeout: 30 * time.Second, MaxConnsPerHost: 16,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // there is one server
	}
}

// fetchConfig asks the server for its /api/config, with the visitor's cookies if there is one.
func (c *Companion) fetchConfig(ctx context.Context, visitor *http.Request) (map[string]json.RawMessage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server.String()+"/api/config", nil)
	if err != nil {
		return nil, err
	}
	if visitor != nil {
		req.Header["Cookie"] = visitor.Header["Cookie"]
	}
	res, err := c.toServer.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var config map[string]json.RawMessage
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxConfig)).Decode(&config); err != nil {
		return nil, fmt.Errorf("it is not a Roamcall server: %w", err)
	}
	var hashes []struct {
		Value string `json:"value"`
	}
	if json.Unmarshal(config["certificate_hashes"], &hashes) == nil {
		values := make([]string, len(hashes))
		for i, h := range hashes {
			values[i] = h.Value
		}
		c.trust.announced(values)
	}
	c.mu.Lock()
	c.served = config
	c.mu.Unlock()
	return config, nil
}

// proxy passes the rest of the API and WebSocket sessions on to the server. The request's origin has been checked by then and is this page;
// the server knows only its own pages, so it gets none, as from any program.
func (c *Companion) proxy() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(c.server)
			for _, h := range []string{"Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
				r.Out.Header.Del(h)
			}
		},
		Transport:     roundTripper(func(r *http.Request) (*http.Response, error) { return c.toServer.Transport.RoundTrip(r) }),
		FlushInterval: -1, // events must not wait
		ErrorLog:      slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				c.log.Debug("the server was not reached", "path", r.URL.Path, "err", err)
				web.WriteError(w, http.StatusBadGateway, unreachable(err))
			}
		},
	}
}

// unreachable says for people why the server did not answer.
func unreachable(err error) string {
	why := plain(err).Error()
	if errors.Is(err, context.DeadlineExceeded) {
		why = "it does not answer"
	}
	return "The server cannot be reached: " + why + "."
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// connections knows over which network each connection to the server goes.
type connections struct {
	mu   sync.Mutex
	open map[*connection]string
}

type connection struct {
	net.Conn
	of *connections
}

func (c *connections) add(conn net.Conn, network string) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = make(map[*connection]string)
	}
	k := &connection{conn, c}
	c.open[k] = network
	return k
}

func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// closeOthers closes the connections that do not go over a network; with "", all.
func (c *connections) closeOthers(network string) {
	c.mu.Lock()
	var others []*connection
	for k, n := range c.open {
		if n != network || network == "" {
			others = append(others, k)
		}
	}
	c.mu.Unlock()
	for _, k := range others {
		k.Close()
	}
}
