# Packs the invoices into one archive named after the day. No Python: any program can be a task.
# A second run does no harm: the archive is made beside its place and moved there whole.
set -eu
day=$1
cd .run
tar -czf "$day.part" invoices
mv "$day.part" "invoices-$day.tar.gz"
echo "$(tar -tzf "invoices-$day.tar.gz" | grep -c 'pdf$') invoices in invoices-$day.tar.gz"
