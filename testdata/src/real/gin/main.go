// Routers and middleware: gin with validation, sessions in memory; its own client.
//
//	needs github.com/gin-gonic/gin@v1.12.0
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

type order struct {
	ID    string   `json:"id" binding:"required"`
	Email string   `json:"email" binding:"required,email"`
	Lines []line   `json:"lines" binding:"dive"`
	Notes []string `json:"notes"`
}

type line struct {
	SKU string  `json:"sku"`
	N   int     `json:"n" binding:"gte=1"`
	P   float64 `json:"p"`
}

func main() {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery())
	var mu sync.Mutex
	orders := map[string]*order{}
	api := r.Group("/api/v1")
	for i := 0; i < 50; i++ {
		api.GET(fmt.Sprintf("/thing%d/:id/*rest", i), func(c *gin.Context) { c.JSON(200, gin.H{"id": c.Param("id"), "i": i}) })
	}
	api.POST("/orders", func(c *gin.Context) {
		var o order
		if err := c.ShouldBindJSON(&o); err != nil {
			c.AbortWithStatusJSON(400, gin.H{"error": err.Error()})
			return
		}
		mu.Lock()
		orders[o.ID] = &o
		mu.Unlock()
		c.JSON(201, o)
	})
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	go http.Serve(l, r)
	var wg sync.WaitGroup
	for w := 0; w < 6; w++ {
		wg.Add(1)
		go func() {
			for i := 0; ; i++ {
				b := fmt.Sprintf(`{"id":"%d-%d","email":"a%d@example.com","lines":[{"sku":"x","n":%d,"p":1.5},{"sku":"y","n":2,"p":2}],"notes":["n%d"]}`, w, i%3000, i, i%3, i)
				resp, err := http.Post("http://"+l.Addr().String()+"/api/v1/orders", "application/json", bytes.NewReader([]byte(b)))
				if err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				resp, err = http.Get("http://" + l.Addr().String() + fmt.Sprintf("/api/v1/thing%d/%d/a/b", i%50, i))
				if err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				if i == 2000 {
					wg.Done()
				}
				if i > 2000 {
					time.Sleep(10 * time.Millisecond)
				}
			}
		}()
	}
	wg.Wait()
	fmt.Println("ready")
	select {}
}
