// In-memory stores: buntdb behind redcon (the Redis protocol), ristretto, bigcache, groupcache's LRU.
//
//	needs github.com/allegro/bigcache/v3@v3.1.0
//	needs github.com/dgraph-io/ristretto/v2@v2.4.2
//	needs github.com/golang/groupcache@v0.0.0-20241129210726-2c02b8208cf8
//	needs github.com/tidwall/buntdb@v1.3.0
//	needs github.com/tidwall/redcon@v1.6.4
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/allegro/bigcache/v3"
	"github.com/dgraph-io/ristretto/v2"
	"github.com/golang/groupcache/lru"
	"github.com/tidwall/buntdb"
	"github.com/tidwall/redcon"
)

type user struct {
	Name  string
	Email string
	Tags  []string
	next  *user
}

func main() {
	db, _ := buntdb.Open(":memory:")
	db.CreateIndex("names", "user:*", buntdb.IndexString)
	db.CreateIndex("age", "user:*", buntdb.IndexJSON("age"))
	var mu sync.RWMutex
	items := map[string][]byte{}
	go redcon.ListenAndServe("127.0.0.1:7391", func(conn redcon.Conn, cmd redcon.Command) {
		switch strings.ToLower(string(cmd.Args[0])) {
		case "set":
			mu.Lock()
			items[string(cmd.Args[1])] = append([]byte(nil), cmd.Args[2]...)
			mu.Unlock()
			db.Update(func(tx *buntdb.Tx) error {
				_, _, err := tx.Set(string(cmd.Args[1]), string(cmd.Args[2]), &buntdb.SetOptions{Expires: true, TTL: time.Hour})
				return err
			})
			conn.WriteString("OK")
		case "get":
			mu.RLock()
			v, ok := items[string(cmd.Args[1])]
			mu.RUnlock()
			if ok {
				conn.WriteBulk(v)
			} else {
				conn.WriteNull()
			}
		}
	}, func(conn redcon.Conn) bool { conn.SetContext(time.Now()); return true }, nil)
	time.Sleep(200 * time.Millisecond)
	rc, err := ristretto.NewCache(&ristretto.Config[string, *user]{NumCounters: 1e5, MaxCost: 1 << 20, BufferItems: 64})
	if err != nil {
		panic(err)
	}
	bc, _ := bigcache.New(context.Background(), bigcache.DefaultConfig(10*time.Minute))
	lc := lru.New(5000)
	var wg sync.WaitGroup
	for w := 0; w < 4; w++ {
		wg.Add(1)
		go func(w int) {
			c, err := net.Dial("tcp", "127.0.0.1:7391")
			if err != nil {
				panic(err)
			}
			r := bufio.NewReader(c)
			for i := 0; ; i++ {
				k := fmt.Sprintf("user:%d:%d", w, i%20000)
				v := fmt.Sprintf(`{"name":"n%d","age":%d}`, i, i%90)
				fmt.Fprintf(c, "*3\r\n$3\r\nset\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(k), k, len(v), v)
				r.ReadString('\n')
				rc.SetWithTTL(k, &user{Name: k, Email: k + "@x", Tags: []string{"a", k}}, 1, time.Hour)
				rc.Get(k)
				bc.Set(k, []byte(v))
				if w == 0 {
					lc.Add(k, &user{Name: v})
				}
				if i == 20000 {
					wg.Done()
				}
				if i >= 20000 {
					time.Sleep(10 * time.Millisecond)
				}
			}
		}(w)
	}
	wg.Wait()
	fmt.Println("ready")
	select {}
}
