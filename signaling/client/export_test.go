package client

// Kill ends the connection under the call as an error of the network would, without a word to the server's call.
func (c *Client) Kill() { c.current().conn.CloseWithError(1, "killed by a test") }

// Ready tells whether the standby has answered.
func (c *Client) Ready() bool {
	answered, _ := c.current().paths.ready()
	return answered
}
