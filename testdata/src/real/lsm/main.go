// Key-value databases: badger (LSM tree, in memory) and bbolt (B+ tree in a mapped file).
//
//	needs github.com/dgraph-io/badger/v4@v4.9.6
//	needs go.etcd.io/bbolt@v1.5.0
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dgraph-io/badger/v4"
	"go.etcd.io/bbolt"
)

func main() {
	dir, _ := os.MkdirTemp("", "kv")
	db, err := badger.Open(badger.DefaultOptions("").WithInMemory(true).WithLoggingLevel(badger.ERROR))
	if err != nil {
		panic(err)
	}
	bolt, err := bbolt.Open(filepath.Join(dir, "b"), 0600, nil)
	if err != nil {
		panic(err)
	}
	n := 0
	put := func(k int) {
		n++
		db.Update(func(t *badger.Txn) error {
			for i := 0; i < 50; i++ {
				if err := t.SetEntry(badger.NewEntry([]byte(fmt.Sprintf("key%08d", k*50+i)), make([]byte, 100)).WithTTL(time.Hour)); err != nil {
					return err
				}
			}
			return nil
		})
		bolt.Batch(func(t *bbolt.Tx) error {
			b, err := t.CreateBucketIfNotExists([]byte(fmt.Sprint("b", k%10)))
			if err != nil {
				return err
			}
			for i := 0; i < 50; i++ {
				b.Put([]byte(fmt.Sprintf("key%08d", k*50+i)), []byte("value"))
			}
			return nil
		})
	}
	for i := 0; i < 300; i++ {
		put(i)
	}
	tx, _ := bolt.Begin(false)
	c := tx.Bucket([]byte("b1")).Cursor()
	c.First()
	t := db.NewTransaction(false)
	it := t.NewIterator(badger.DefaultIteratorOptions)
	it.Rewind()
	fmt.Println("ready")
	for i := 0; ; i++ {
		put(i)
		it.Next()
		c.Next()
		time.Sleep(20 * time.Millisecond)
	}
}
