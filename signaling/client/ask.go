package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxAnswer bounds what is read of an answer of the server's HTTP API.
const maxAnswer = 64 << 10

// refused is an answer of the server's HTTP API that is none of success.
type refused struct {
	url, status string
	code        int
	sentence    string // the server's own, for people; "" if it said none
}

func (r *refused) Error() string {
	if r.sentence != "" {
		return r.sentence
	}
	return fmt.Sprintf("%s answers %s", r.url, r.status)
}

// ask sends a request to the server's HTTP API. A body is JSON; "" is none. state is that of TLS, nil over plain HTTP. Errors are a *refused, those of the network, and wrap
// [ErrCertificate] for a certificate that is not trusted.
func (c *Config) ask(ctx context.Context, method, path, body string) (answer []byte, state *tls.ConnectionState, err error) {
	web := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: c.tls("", c.Hashes), ForceAttemptHTTP2: true}
	defer web.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := (&http.Client{Transport: web}).Do(req)
	if err != nil {
		return nil, nil, certificateError(fmt.Errorf("cannot reach the server: %w", err))
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, nil, fmt.Errorf("%s%s: %w", c.URL, path, err)
	}
	if res.StatusCode >= 300 {
		var said struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(answer, &said) // a proxy's page is no JSON, and says nothing
		return nil, nil, &refused{c.URL + path, res.Status, res.StatusCode, said.Error}
	}
	return answer, res.TLS, nil
}
