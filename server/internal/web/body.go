package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// What is read of a request's body, and for how long it is waited for.
const (
	maxRequestBody = 64 << 10
	bodyTimeout    = 10 * time.Second
)

// ReadJSON reads a request's body, one object with no other members than v has, into v, or answers the request with what is wrong with it. The type is
// asked for because pages of others can send any other without asking.
func ReadJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		WriteError(w, http.StatusUnsupportedMediaType, "The request must be application/json.")
		return false
	}
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // not supported over HTTP/3, where the idle timeout does it
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		WriteError(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("The request has more than %d bytes.", large.Limit))
		return false
	}
	if err != nil {
		WriteError(w, http.StatusBadRequest, "The request was cut off.")
		return false
	}
	if problem := parseObject(body, v); problem != "" {
		WriteError(w, http.StatusBadRequest, problem)
		return false
	}
	return true
}

// parseObject reads one JSON object into v, and returns "" or for people what is wrong with it.
func parseObject(body []byte, v any) (problem string) {
	body = bytes.TrimSpace(body)
	if !json.Valid(body) {
		return "The request is not one JSON object."
	}
	if body[0] != '{' {
		return "The request is " + jsonKind(body) + " and not a JSON object."
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		return ""
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		given, number, _ := strings.Cut(wrong.Value, " ")
		if number != "" {
			return fmt.Sprintf("%q cannot be %s.", wrong.Field, number)
		}
		return fmt.Sprintf("%q must be %s, not %s.", wrong.Field, wanted(wrong.Type), article(given))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return "There is no member " + name + " here."
	}
	return "The request has a member that is not as it must be."
}

// jsonKind is what a JSON value that is no object begins as.
func jsonKind(value []byte) string {
	switch value[0] {
	case '[':
		return article("array")
	case '"':
		return article("string")
	case 't', 'f':
		return article("bool")
	case 'n':
		return "null"
	}
	return article("number")
}

// article names a kind of JSON value as encoding/json does it, with its article.
func article(kind string) string {
	switch kind {
	case "bool":
		return "true or false"
	case "array", "object":
		return "an " + kind
	}
	return "a " + kind
}

// wanted names what a member of a Go type takes.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return article("string")
	case reflect.Bool:
		return article("bool")
	case reflect.Slice, reflect.Array:
		return article("array")
	case reflect.Struct, reflect.Map:
		return article("object")
	}
	return article("number")
}
