package server

import (
	"context"
	"fmt"
	"sync"
)

type bots struct{}

func (s *Server) startBots(c *call) {}
func (c *call) stopBots()           {}

var _ = fmt.Sprint
var _ context.Context
var _ sync.Mutex
