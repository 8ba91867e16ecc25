#!/bin/busybox sh
# The guest's first program: puts the machine's own files, read-only, below a layer in memory, and
# goes on with start.sh there. So every program of the machine runs at its own path, and nothing
# that it writes outside of /guest is ever seen by the machine.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in /modules/*.ko; do
  insmod "$module"
done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 machine /machine ||
  poweroff -f
mount -t tmpfs -o size=50% layer /layer
mkdir /layer/written /layer/work
mount -t overlay -o lowerdir=/machine,upperdir=/layer/written,workdir=/layer/work root /root ||
  poweroff -f
mkdir -p /root/guest
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 share /root/guest || poweroff -f
umount /proc /dev
exec switch_root /root /bin/sh /guest/start.sh
