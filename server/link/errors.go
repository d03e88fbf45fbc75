package link

import "errors"

var (
	// ErrClosed is returned by calls on a link or registry that has been closed.
	ErrClosed = errors.New("the link is closed")
	// ErrUnknownNetwork is returned for a network name that the link does not have.
	ErrUnknownNetwork = errors.New("unknown network")
	// ErrUnknownStyle is returned for a style of switching other than hard, soft and walk.
	ErrUnknownStyle = errors.New("unknown style")
	// ErrUnknownAttack is returned for a kind of attack that there is not.
	ErrUnknownAttack = errors.New("unknown attack")
	// ErrAttacked is returned by [Link.Attack] while an attack is under way.
	ErrAttacked = errors.New("an attack is under way on this link already: stop it first")
	// ErrTooManyLinks is returned by [Registry.Create] at the limit of links.
	ErrTooManyLinks = errors.New("too many links")
	// ErrNoPort is returned when no port of the configured range is free.
	ErrNoPort = errors.New("no free port in the range")
	// ErrTooManySockets is returned by a switch at the limit of the sockets that all links have together.
	ErrTooManySockets = errors.New("too many sockets are in use")
	// ErrInvalidConfig is returned for a configuration or network that cannot work; the text says why.
	ErrInvalidConfig = errors.New("invalid configuration")
)
