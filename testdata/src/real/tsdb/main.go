// A metrics database: the head of Prometheus' tsdb, and its query engine.
//
//	needs github.com/prometheus/prometheus@v0.316.0
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb"
)

func main() {
	dir, _ := os.MkdirTemp("", "tsdb")
	defer os.RemoveAll(dir)
	db, err := tsdb.Open(dir, nil, nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	start := time.Now().Add(-time.Hour).UnixMilli()
	for t := int64(0); t < 60; t++ {
		app := db.Appender(ctx)
		for i := 0; i < 5000; i++ {
			l := labels.FromStrings("__name__", fmt.Sprint("metric_", i%50), "instance", fmt.Sprint("host", i/50), "job", "bench")
			if _, err := app.Append(0, l, start+t*15000, float64(i)+float64(t)); err != nil {
				panic(err)
			}
		}
		app.Commit()
	}
	eng := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e7, Timeout: time.Minute})
	var keep []*promql.Result
	for i := 0; i < 20; i++ {
		q, err := eng.NewRangeQuery(ctx, db, nil, fmt.Sprintf("sum by (instance) (rate(metric_%d[1m]))", i), time.UnixMilli(start),
			time.UnixMilli(start+900000), 30*time.Second)
		if err != nil {
			panic(err)
		}
		keep = append(keep, q.Exec(ctx))
	}
	fmt.Println("ready")
	for {
		time.Sleep(time.Second)
		keep[0].Value.String()
	}
}
