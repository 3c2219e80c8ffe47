// database/sql over a driver in Go: modernc.org/sqlite.
//
//	needs modernc.org/sqlite@v1.62.0
package main

import (
	"database/sql"
	"fmt"
	"sync"
	"time"

	_ "modernc.org/sqlite"
)

type row struct {
	id   int64
	name string
	v    sql.NullFloat64
	blob []byte
}

func main() {
	db, err := sql.Open("sqlite", "file::memory:?cache=shared")
	if err != nil {
		panic(err)
	}
	db.SetMaxOpenConns(4)
	for _, s := range []string{"create table t (id integer primary key, name text, v real, b blob)", "create index i on t (name)"} {
		if _, err := db.Exec(s); err != nil {
			panic(err)
		}
	}
	tx, _ := db.Begin()
	st, err := tx.Prepare("insert into t (name, v, b) values (?, ?, ?)")
	if err != nil {
		panic(err)
	}
	for i := 0; i < 20000; i++ {
		st.Exec(fmt.Sprint("name ", i), float64(i), []byte(fmt.Sprint("blob", i)))
	}
	tx.Commit()
	var mu sync.Mutex
	var keep []*row
	var wg sync.WaitGroup
	for w := 0; w < 3; w++ {
		wg.Add(1)
		go func(w int) {
			for i := 0; ; i++ {
				rows, err := db.Query("select id, name, v, b from t where id > ? order by name limit 50", i*50)
				if err != nil {
					panic(err)
				}
				for rows.Next() {
					r := new(row)
					rows.Scan(&r.id, &r.name, &r.v, &r.blob)
					mu.Lock()
					if len(keep) < 20000 {
						keep = append(keep, r)
					}
					mu.Unlock()
				}
				rows.Close()
				if i == 100 {
					wg.Done()
				}
				time.Sleep(time.Millisecond)
			}
		}(w)
	}
	wg.Wait()
	fmt.Println("ready")
	select {}
}
