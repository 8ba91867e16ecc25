# Process 1 of the guest. Runs /guest/command and leaves stdout, stderr and, by renaming, the exit
# code: /guest/rc is there only when the other two are whole.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
ln -sf /proc/self/fd /dev/fd
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mkdir /run/netns
. /guest/settings
mkdir -p "/lib/modules/$(uname -r)"
mount --bind "$MODULES" "/lib/modules/$(uname -r)"
# Loaded before they are needed: loading takes a second each, and a test would wait for it.
modprobe -a $MODULE_NAMES || echo "guest: not all modules could be loaded" >&2
ip link set dev lo up
hostname guest
cd "$FOLDER" || cd /
setsid -w /bin/sh /guest/command < /dev/null > /guest/stdout 2> /guest/stderr
echo $? > /guest/rc.new
mv /guest/rc.new /guest/rc
echo o > /proc/sysrq-trigger
# The programs of the machine are out of reach from here on.
while :; do :; done
