package server

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	dto "github.com/prometheus/client_model/go"

	"github.com/roamcall/roamcall/signaling"
)

// notOnTheDashboard are those of our metrics that the dashboard does not show, and why.
var notOnTheDashboard = map[string]string{}

const grafanaFile = "../assets/grafana/roamcall.json"

// grafana is what of a dashboard's JSON matters here.
type grafana struct {
	UID        string `json:"uid"`
	Templating struct {
		List []struct{ Name, Type, Query any }
	} `json:"templating"`
	Panels []grafanaPanel `json:"panels"`
}

type grafanaPanel struct {
	ID          int
	Type        string
	Title       string
	Description string
	Datasource  struct{ UID string }
	GridPos     struct{ X, Y, W, H int }
	FieldConfig struct{ Defaults struct{ Unit string } }
	Targets     []struct {
		RefID, Expr, LegendFormat string
		Datasource                struct{ UID string }
	}
}

func loadDashboard(t *testing.T) (d grafana) {
	t.Helper()
	b, err := os.ReadFile(grafanaFile)
	if err != nil {
		t.Fatal(err)
	}
	unmarshal(t, b, &d)
	return d
}

// The dashboard can be imported: panels have their own IDs and places, and say in which unit and what they show.
func TestGrafanaDashboard(t *testing.T) {
	d := loadDashboard(t)
	if v := d.Templating.List; len(v) == 0 || v[0].Name != "datasource" || v[0].Type != "datasource" || v[0].Query != "prometheus" {
		t.Errorf("the first variable is %+v, not the data source", v)
	}
	var rows []string
	ids := map[int]string{}
	for i, p := range d.Panels {
		if other, taken := ids[p.ID]; taken || p.ID == 0 {
			t.Errorf("%q has the ID %d, as %q", p.Title, p.ID, other)
		}
		ids[p.ID] = p.Title
		at := p.GridPos
		if at.X < 0 || at.Y < 0 || at.W < 1 || at.H < 1 || at.X+at.W > 24 {
			t.Errorf("%q is at %+v", p.Title, at)
		}
		for _, o := range d.Panels[:i] {
			if b := o.GridPos; at.X < b.X+b.W && b.X < at.X+at.W && at.Y < b.Y+b.H && b.Y < at.Y+at.H {
				t.Errorf("%q lies over %q", p.Title, o.Title)
			}
		}
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		if len(p.Targets) == 0 || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || p.Datasource.UID != "${datasource}" {
			t.Errorf("%q lacks a query, a description, a unit or the data source", p.Title)
		}
		for _, q := range p.Targets {
			if q.Datasource.UID != "${datasource}" || q.LegendFormat == "" || !strings.Contains(q.Expr, `instance=~"$instance"`) {
				t.Errorf("%q asks %+v", p.Title, q)
			}
		}
	}
	if want := []string{"Calls", "Traffic", "What was shed", "Changes of network", "Delay and load", "Process"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q", rows)
	}
}

// Every metric of the dashboard, with its labels, is one that a server exposes, and every one of ours is on it.
func TestGrafanaDashboardShowsWhatThereIs(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the figures of the process and of the socket are Linux's")
	}
	s := start(t, nil)
	ada, ben := join(t, s, "", signaling.Join{Name: "Ada"}), join(t, s, "", signaling.Join{Name: "Ben"})
	seen := ben.frames()
	_, show := ada.publishVideo(7)
	show(0, true)
	receive(t, seen, "frame")
	exposed := scrape(t, s)
	shown := map[string]bool{}
	for _, p := range loadDashboard(t).Panels {
		for _, q := range p.Targets {
			expr, err := metricsql.Parse(strings.ReplaceAll(q.Expr, "$__rate_interval", "1m"))
			if err != nil {
				t.Errorf("%q: %v", p.Title, err)
				continue
			}
			metricsql.VisitAll(expr, func(e metricsql.Expr) {
				switch e := e.(type) {
				case *metricsql.MetricExpr:
					family := exposed.family(e)
					if family == nil {
						t.Errorf("%q asks for %s, which the server does not expose", p.Title, e.AppendString(nil))
						return
					}
					shown[family.GetName()] = true
					for _, filter := range e.LabelFilterss[0][1:] {
						needsLabel(t, family, filter.Label, q.Expr)
					}
				case *metricsql.AggrFuncExpr:
					metricsql.VisitAll(e, func(inner metricsql.Expr) {
						if m, ok := inner.(*metricsql.MetricExpr); ok && exposed.family(m) != nil {
							for _, by := range e.Modifier.Args {
								needsLabel(t, exposed.family(m), by, q.Expr)
							}
						}
					})
				}
			})
		}
	}
	for name := range exposed {
		_, excepted := notOnTheDashboard[name]
		if strings.HasPrefix(name, "roamcall_") && shown[name] == excepted {
			t.Errorf("%s: on the dashboard %t, an exception %t", name, shown[name], excepted)
		}
	}
	for name := range notOnTheDashboard {
		if exposed[name] == nil {
			t.Errorf("%s, an exception, is not exposed", name)
		}
	}
}

// family is what a query asks for, nil if there is none.
func (f figures) family(m *metricsql.MetricExpr) *dto.MetricFamily {
	name := m.LabelFilterss[0][0].Value
	if base, ok := strings.CutSuffix(name, "_bucket"); ok && f[base].GetType() == dto.MetricType_HISTOGRAM {
		return f[base]
	}
	return f[name]
}

func needsLabel(t *testing.T, family *dto.MetricFamily, name, query string) {
	t.Helper()
	has := slices.ContainsFunc(family.GetMetric()[0].GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == name })
	bucket := name == "le" && family.GetType() == dto.MetricType_HISTOGRAM
	if !has && !bucket && name != "instance" { // which is Prometheus' own
		t.Errorf("%s: %s has no label %s", query, family.GetName(), name)
	}
}
