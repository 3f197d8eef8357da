// The smallest program in Go: no libc, its own system calls. `dial HOST:PORT`.
package main

import (
	"net"
	"os"
	"time"
)

func main() {
	connection, err := net.DialTimeout("tcp", os.Args[1], 2*time.Second)
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	connection.Close()
}
