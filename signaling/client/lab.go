package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// labLink is where the participant's lab link listens: the link that it has, if the server still knows it, or else a new one.
func (c *Client) labLink(ctx context.Context) (*url.URL, error) {
	c.mu.Lock()
	id := c.link
	c.mu.Unlock()
	if id != "" {
		answer, _, err := c.config.ask(ctx, http.MethodGet, "/api/links/"+url.PathEscape(id), "")
		if err == nil {
			_, at, err := parseLink(answer)
			return at, err
		}
		if said := (*refused)(nil); !errors.As(err, &said) || said.code != http.StatusNotFound {
			return nil, fmt.Errorf("the lab link: %w", err)
		}
	}
	room, err := json.Marshal(map[string]string{"room": c.config.Room})
	if err != nil {
		return nil, err
	}
	answer, _, err := c.config.ask(ctx, http.MethodPost, "/api/links", string(room))
	if err != nil {
		return nil, fmt.Errorf("no lab link: %w", err)
	}
	id, at, err := parseLink(answer)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = id
	return at, nil
}

// parseLink reads what of a link matters here: its name, and where sessions are opened over it.
func parseLink(answer []byte) (id string, at *url.URL, err error) {
	var link struct {
		ID  string `json:"id"`
		URL string `json:"url"`
	}
	if err := json.Unmarshal(answer, &link); err != nil {
		return "", nil, fmt.Errorf("the lab link: %w", err)
	}
	at, err = url.Parse(link.URL)
	if err != nil || at.Scheme != "https" || at.Hostname() == "" || link.ID == "" {
		return "", nil, fmt.Errorf("the lab link is at %q", link.URL)
	}
	return link.ID, at, nil
}
